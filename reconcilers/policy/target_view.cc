#include "reconcilers/policy/target_view.h"

#include <array>
#include <utility>

#include "reconcilers/policy/target_activation.h"

namespace kr::policy {
namespace {

using cel::Value;
using document::DocumentPtr;

Status NoSuch(std::string_view what, std::string_view name) {
  return NotFound("no such " + std::string(what) + ": " + std::string(name));
}

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

StatusOr<std::vector<signals::EventFacts>> TargetView::Events(std::string_view source,
                                                              int64_t enough) const {
  if (!object_) return std::vector<signals::EventFacts>();
  for (size_t i = 0; i < policy_.events.size(); ++i) {
    if (policy_.events[i].spec.name != source) continue;
    return surroundings_.Events(i, *object_, enough, options_.events_since);
  }
  return NoSuch("event source", source);
}

StatusOr<Value> TargetView::Resolve(std::string_view variable) const {
  if (variable == "object") return object_ ? Value::Node(object_->root()) : Value();
  if (variable == "now") return Value::Timestamp(options_.now);
  if (variable == "target") {
    if (!object_) return NotFound("the target does not exist");
    return TargetValue(policy_.target, *object_);
  }
  const auto known = resolved_.find(variable);
  if (known != resolved_.end()) return known->second;
  const size_t dot = variable.find('.');
  StatusOr<Value> value = dot == std::string_view::npos
                              ? WholeRecord(variable)
                              : ResolveField(variable.substr(0, dot), variable.substr(dot + 1));
  resolved_.emplace(std::string(variable), value);
  return value;
}

StatusOr<Value> TargetView::ResolveField(std::string_view record, std::string_view field) const {
  if (record == "related") {
    for (size_t i = 0; i < policy_.related.size(); ++i) {
      if (policy_.related[i].name == field) return RelatedList(i);
    }
  } else if (record == "events") {
    for (const EventSource& source : policy_.events) {
      if (source.spec.name == field) return EventList(source);
    }
  } else if (record == "variables") {
    for (const NamedProgram& variable : policy_.variables) {
      if (variable.name != field) continue;
      auto value = variable.program.Evaluate(*this, options_.now).value;
      if (!value.ok()) return Annotate(value.status(), "variable " + variable.name);
      return value;
    }
  } else if (record == "remediation") {
    return RemediationField(field);
  } else if (record == "target") {
    return NoSuch("field read by itself", field);
  }
  return NoSuch(record, field);
}

StatusOr<Value> TargetView::WholeRecord(std::string_view record) const {
  std::vector<std::string> fields;
  if (record == "related") {
    for (const RelatedJoin& join : policy_.related) fields.push_back(join.name);
  } else if (record == "events") {
    for (const EventSource& source : policy_.events) fields.push_back(source.spec.name);
  } else if (record == "variables") {
    for (const NamedProgram& variable : policy_.variables) fields.push_back(variable.name);
  } else if (record == "remediation") {
    fields = {"name", "trigger", "startedAt"};
    if (options_.remediation && options_.remediation->rung_finished_at) {
      fields.push_back("rungFinishedAt");
    }
  } else {
    return NoSuch("variable", record);
  }
  std::vector<std::pair<std::string, Value>> values;
  for (std::string& field : fields) {
    KR_ASSIGN_OR_RETURN(Value value, Resolve(std::string(record) + "." + field));
    values.emplace_back(std::move(field), std::move(value));
  }
  return Value::Record(std::move(values));
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

StatusOr<Value> TargetView::RemediationField(std::string_view field) const {
  if (!options_.remediation) return FailedPrecondition("no remediation is running");
  const RemediationFacts& facts = *options_.remediation;
  if (field == "name") return Value::String(facts.name);
  if (field == "trigger") return Value::String(facts.trigger);
  if (field == "startedAt") return Value::Timestamp(facts.started_at);
  if (field == "rungFinishedAt") {
    if (!facts.rung_finished_at) return FailedPrecondition("the remedy's steps are not done yet");
    return Value::Timestamp(*facts.rung_finished_at);
  }
  return NoSuch("field of remediation", field);
}

}  // namespace kr::policy
