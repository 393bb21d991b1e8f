#include "reconcilers/policy/target_view.h"

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
  if (variable == "target") {
    if (!object_) return NotFound("the target does not exist");
    return TargetValue(policy_.target, *object_);
  }
  if (const auto known = records_.find(variable); known != records_.end()) return known->second;
  std::vector<std::pair<std::string, Value>> fields;
  // A field that cannot be had is an error only for who reads it.
  const auto add = [&fields](const std::string& name, StatusOr<Value> value) {
    fields.emplace_back(name, value.ok() ? *std::move(value) : Value::Error(value.status()));
  };
  if (variable == "related") {
    for (size_t i = 0; i < policy_.related.size(); ++i)
      add(policy_.related[i].name, RelatedList(i));
  } else if (variable == "events") {
    for (const EventSource& source : policy_.events) add(source.spec.name, EventList(source));
  } else if (variable == "variables") {
    return Variables();
  } else if (variable == "remediation") {
    if (!options_.remediation) return FailedPrecondition("no remediation is running");
    const RemediationFacts& facts = *options_.remediation;
    add("name", Value::String(facts.name));
    add("trigger", Value::String(facts.trigger));
    add("record", Value::FromJson(facts.record));
    add("startedAt", Value::Timestamp(facts.started_at));
    add("rungFinishedAt",
        facts.rung_finished_at
            ? StatusOr<Value>(Value::Timestamp(*facts.rung_finished_at))
            : FailedPrecondition("remediation.rungFinishedAt: the steps are not done yet"));
  } else {
    return NotFound("no such variable: " + std::string(variable));
  }
  const Value record = Value::Record(std::move(fields));
  records_.emplace(std::string(variable), record);
  return record;
}

Value TargetView::Variables() const {
  // Each may read those before it, so the record grows while it is made.
  std::vector<std::pair<std::string, Value>> fields;
  for (const NamedProgram& variable : policy_.variables) {
    records_.insert_or_assign("variables", Value::Record(fields));
    auto value = variable.program.Evaluate(*this, options_.now).value;
    fields.emplace_back(variable.name,
                        value.ok()
                            ? *std::move(value)
                            : Value::Error(Annotate(value.status(), "variables." + variable.name)));
  }
  const Value record = Value::Record(std::move(fields));
  records_.insert_or_assign("variables", record);
  return record;
}

StatusOr<Value> TargetView::RelatedList(size_t join) const {
  if (!object_) return Value::FromList({});
  KR_ASSIGN_OR_RETURN(std::vector<DocumentPtr> objects, surroundings_.Related(join, *object_));
  if (objects.size() > policy_.related[join].max) {
    return ResourceExhausted("related." + policy_.related[join].name + " has " +
                             std::to_string(objects.size()) + " objects, more than max " +
                             std::to_string(policy_.related[join].max));
  }
  cel::List list;
  list.reserve(objects.size());
  for (const DocumentPtr& object : objects) list.push_back(Value::Node(object->root()));
  kept_.insert(kept_.end(), objects.begin(), objects.end());
  return Value::FromList(std::move(list));
}

StatusOr<Value> TargetView::EventList(const EventSource& source) const {
  KR_ASSIGN_OR_RETURN(std::vector<signals::EventFacts> facts, Events(source.spec.name, 1));
  cel::List list;
  for (const signals::EventFacts& f : facts) list.push_back(FactsValue(f));
  return Value::FromList(std::move(list));
}

}  // namespace kr::policy
