#include "reconcilers/policy/target_view.h"

#include <algorithm>
#include <utility>

#include "reconcilers/policy/place.h"
#include "reconcilers/policy/target_activation.h"
#include "reconcilers/signals/past.h"

namespace kr::policy {
namespace {

using cel::Value;
using document::DocumentPtr;

Value FactsValue(const signals::EventFacts& facts) {
  return Value::Record(
      {{"object", Value::Record({{"apiVersion", Value::String(facts.object.api_version)},
                                 {"kind", Value::String(facts.object.kind)},
                                 {"namespace", Value::String(facts.object.name_space)},
                                 {"name", Value::String(facts.object.name)}})},
       {"owner", Value::String(facts.owner)},
       {"node", Value::String(facts.node)},
       {"count", Value::Int(facts.count)},
       {"last", Value::Timestamp(facts.last)},
       {"message", Value::String(facts.message)}});
}

}  // namespace

TargetView::TargetView(const CompiledPolicy& policy, DocumentPtr object,
                       const Surroundings& surroundings, Options options)
    : policy_(policy),
      object_(std::move(object)),
      surroundings_(surroundings),
      options_(std::move(options)) {}

const signals::Past& Surroundings::Past() const {
  static const signals::Past none;
  return none;
}

const document::Document* TargetView::object() const {
  return object_ && !IsPlace(*object_) ? object_.get() : nullptr;
}

signals::TargetName TargetView::target() const {
  if (!object_) return {};
  return {object_->name_space(), object_->name(), object_->uid()};
}

std::optional<absl::Time> TargetView::remediating_since() const {
  if (!options_.remediation) return std::nullopt;
  return options_.remediation->started_at;
}

StatusOr<std::vector<signals::EventFacts>> TargetView::Events(std::string_view source,
                                                              int64_t enough) const {
  if (!object_) return std::vector<signals::EventFacts>();
  for (size_t i = 0; i < policy_.events.size(); ++i) {
    if (policy_.events[i].spec.name != source) continue;
    return surroundings_.Events(i, *object_, enough, options_.events_since);
  }
  return NotFound("no such event source: " + std::string(source));
}

StatusOr<Value> TargetView::Resolve(std::string_view variable) const {
  if (variable == "object") return object() != nullptr ? Value::Node(object_->root()) : Value();
  if (variable == "now") return Value::Timestamp(options_.now);
  if (variable == "params") return policy_.params;
  if (variable == "target") {
    if (!object_) return NotFound("the target does not exist");
    return TargetValue(policy_.target, *object_);
  }
  if (variable == "remediation") {
    if (!options_.remediation) return FailedPrecondition("no remediation is running");
    return Remediation();
  }
  // As a whole: a field that cannot be had is an error only for who reads it.
  std::vector<std::pair<std::string, Value>> fields;
  const auto add = [&](const std::string& name) {
    fields.emplace_back(name, Get(variable, name).value);
  };
  if (variable == "related") {
    for (const RelatedJoin& join : policy_.related) add(join.name);
  } else if (variable == "events") {
    for (const EventSource& source : policy_.events) add(source.spec.name);
  } else if (variable == "variables") {
    for (const NamedProgram& named : policy_.variables) add(named.name);
  } else {
    return NotFound("no such variable: " + std::string(variable));
  }
  return Value::Record(std::move(fields));
}

std::optional<Value> TargetView::ResolveField(std::string_view variable, std::string_view field,
                                              absl::Time& valid_until) const {
  if (variable == "params") return policy_.params.Field(field);
  if (variable != "related" && variable != "events" && variable != "variables") {
    return std::nullopt;
  }
  const Known& known = Get(variable, field);
  valid_until = std::min(valid_until, known.valid_until);
  return known.value;
}

const TargetView::Known& TargetView::Get(std::string_view variable, std::string_view field) const {
  const std::pair<std::string, std::string> key{variable, field};
  if (const auto found = known_.find(key); found != known_.end()) return found->second;
  Known known;
  if (variable == "variables") {
    known = Variable(field);
  } else {
    auto list = variable == "related" ? RelatedList(field) : EventList(field);
    known.value = list.ok() ? *std::move(list) : Value::Error(std::move(list).status());
  }
  return known_.emplace(key, std::move(known)).first->second;
}

TargetView::Known TargetView::Variable(std::string_view name) const {
  // Each reads only those before it, so this ends.
  for (const NamedProgram& named : policy_.variables) {
    if (named.name != name) continue;
    cel::Outcome outcome = named.program.Evaluate(*this, options_.now);
    Known known{.valid_until = outcome.valid_until};
    if (outcome.value.ok()) {
      known.value = *std::move(outcome.value);
      return known;
    }
    // The first variable that failed is named, not those that passed it on.
    Status status = std::move(outcome.value).status();
    const bool has_name = Message(status).starts_with("variables.");
    known.value =
        Value::Error(has_name ? std::move(status) : Annotate(status, "variables." + named.name));
    return known;
  }
  return {.value = Value::Error(NotFound("no such variable: variables." + std::string(name)))};
}

StatusOr<Value> TargetView::RelatedList(std::string_view name) const {
  if (!object_) return Value::FromList({});
  for (size_t join = 0; join < policy_.related.size(); ++join) {
    if (policy_.related[join].name != name) continue;
    KR_ASSIGN_OR_RETURN(std::vector<DocumentPtr> objects, surroundings_.Related(join, *object_));
    KR_RETURN_IF_ERROR(CheckMax(policy_.related[join], objects.size()));
    cel::List list;
    list.reserve(objects.size());
    for (const DocumentPtr& object : objects) list.push_back(Value::Node(object->root()));
    kept_.insert(kept_.end(), objects.begin(), objects.end());
    return Value::FromList(std::move(list));
  }
  return NotFound("no such join: " + std::string(name));
}

StatusOr<Value> TargetView::EventList(std::string_view source) const {
  KR_ASSIGN_OR_RETURN(std::vector<signals::EventFacts> facts, Events(source, 1));
  cel::List list;
  for (const signals::EventFacts& f : facts) list.push_back(FactsValue(f));
  return Value::FromList(std::move(list));
}

namespace {

Value PreviousValue(const PreviousRemediation& previous) {
  cel::List remedies;
  for (const std::string& remedy : previous.remedies) remedies.push_back(Value::String(remedy));
  return Value::Record({{"name", Value::String(previous.name)},
                        {"trigger", Value::String(previous.trigger)},
                        {"phase", Value::String(previous.phase)},
                        {"reason", Value::String(previous.reason)},
                        {"remedies", Value::FromList(std::move(remedies))},
                        {"finishedAt", Value::Timestamp(previous.finished_at)}});
}

}  // namespace

Value TargetView::Remediation() const {
  const RemediationFacts& facts = *options_.remediation;
  cel::List previous;
  for (const PreviousRemediation& one : facts.previous) previous.push_back(PreviousValue(one));
  return Value::Record(
      {{"name", Value::String(facts.name)},
       {"trigger", Value::String(facts.trigger)},
       {"record", Value::FromJson(facts.record)},
       {"previous", Value::FromList(std::move(previous))},
       {"startedAt", Value::Timestamp(facts.started_at)},
       {"rungFinishedAt", facts.rung_finished_at
                              ? Value::Timestamp(*facts.rung_finished_at)
                              : Value::Error(FailedPrecondition(
                                    "remediation.rungFinishedAt: the steps are not done yet"))}});
}

}  // namespace kr::policy
