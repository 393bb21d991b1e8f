#include "reconcilers/policy/apply_to.h"

#include <algorithm>
#include <tuple>
#include <utility>
#include <variant>

#include <nlohmann/json.hpp>

#include "reconcilers/policy/target_view.h"

namespace kr::policy {
namespace {

using document::DocumentPtr;

// What objects are ordered by: numbers, times and truth values as a number, or a text.
struct OrderKey {
  enum class Family { kNone, kNumber, kTime, kText } family = Family::kNone;
  double number = 0;
  std::string text;
};

StatusOr<OrderKey> KeyOf(const cel::Value& value) {
  using Family = OrderKey::Family;
  if (const bool* b = value.AsBool()) return OrderKey{Family::kNumber, *b ? 1.0 : 0.0, ""};
  if (const int64_t* i = value.AsInt()) {
    return OrderKey{Family::kNumber, static_cast<double>(*i), ""};
  }
  if (const uint64_t* u = value.AsUint()) {
    return OrderKey{Family::kNumber, static_cast<double>(*u), ""};
  }
  if (const double* d = value.AsDouble()) return OrderKey{Family::kNumber, *d, ""};
  if (const auto time = value.AsTime()) {
    return OrderKey{Family::kTime, absl::ToDoubleSeconds(*time - absl::UnixEpoch()), ""};
  }
  std::string scratch;
  if (const auto text = value.Text(scratch)) return OrderKey{Family::kText, 0, std::string(*text)};
  const nlohmann::json json = value.ToJson();
  if (json.is_number()) return OrderKey{Family::kNumber, json.get<double>(), ""};
  return InvalidArgument("expected a number, a text, a time or a truth value, got " + json.dump());
}

struct Candidate {
  DocumentPtr object;
  OrderKey key;
};

std::string NameOf(const document::Document& object) {
  const std::string name_space(object.name_space());
  return (name_space.empty() ? "" : name_space + "/") + std::string(object.name());
}

StatusOr<std::vector<Candidate>> Matching(const ApplyTo& apply_to, const TargetView& view,
                                          const Surroundings& around) {
  std::vector<Candidate> candidates;
  if (view.object() == nullptr) return candidates;
  KR_ASSIGN_OR_RETURN(std::vector<DocumentPtr> objects,
                      around.Related(*apply_to.join, *view.object()));
  for (DocumentPtr& object : objects) {
    const ItView it(view, cel::Value::Node(object->root()));
    if (apply_to.where) {
      const auto holds = apply_to.where->Evaluate(it, view.now()).value;
      if (!holds.ok()) {
        return Annotate(holds.status(), "applyTo.where for " + NameOf(*object));
      }
      if (holds->AsBool() == nullptr) {
        return InvalidArgument("applyTo.where for " + NameOf(*object) + ": expected a bool");
      }
      if (!*holds->AsBool()) continue;
    }
    Candidate candidate{std::move(object), {}};
    if (apply_to.order_by) {
      const auto value = apply_to.order_by->Evaluate(it, view.now()).value;
      auto key = value.ok() ? KeyOf(*value) : StatusOr<OrderKey>(value.status());
      if (!key.ok()) {
        return Annotate(key.status(), "applyTo.orderBy for " + NameOf(*candidate.object));
      }
      candidate.key = *std::move(key);
    }
    candidates.push_back(std::move(candidate));
  }
  return candidates;
}

}  // namespace

std::vector<cel::Read> ApplyTo::Reads() const {
  std::vector<cel::Read> reads;
  for (const auto* program : {&where, &order_by, &name, &wait_for}) {
    if (!*program) continue;
    for (cel::Read read : (*program)->reads()) {
      if (read.variable == "it") {
        if (program == &wait_for) continue;
        read.variable = "related";
        read.path.steps.insert(read.path.steps.begin(),
                               {document::Step::Field(spec.related), document::Step::Each()});
      }
      reads.push_back(std::move(read));
    }
  }
  return reads;
}

std::vector<kube::GroupVersionKind> KindsOfSteps(const CompiledPolicy& policy) {
  std::vector<kube::GroupVersionKind> kinds;
  for (const Remedy& remedy : policy.remedies) {
    for (const Step& step : remedy.steps) {
      if (step.apply_to) {
        kinds.push_back(step.apply_to->gvk);
      } else if (const auto* apply = std::get_if<crds::Apply>(&step.spec.action)) {
        const nlohmann::json object = apply->object.Parse();
        kinds.push_back(kube::GroupVersionKind::FromApiVersion(object.value("apiVersion", ""),
                                                               object.value("kind", "")));
      }
    }
  }
  return kinds;
}

cel::Scope WithIt(cel::Scope scope) {
  scope["it"] = cel::Type::Dyn();
  return scope;
}

StatusOr<ApplyTo> CompileApplyTo(const crds::ApplyTo& spec, const std::vector<RelatedJoin>& joins,
                                 const cel::Scope& scope, const std::string& path) {
  ApplyTo out{.spec = spec};
  const auto compile = [&](const std::string& text, const char* field, const cel::Scope& names,
                           std::optional<cel::Type> type,
                           std::optional<cel::Program>& program) -> Status {
    if (text.empty()) return OkStatus();
    auto compiled = cel::Program::Compile(text, names, std::move(type));
    if (!compiled.ok()) return Annotate(compiled.status(), path + field);
    program = *std::move(compiled);
    return OkStatus();
  };
  if (spec.ref) {
    out.gvk = kube::GroupVersionKind::FromApiVersion(spec.ref->api_version, spec.ref->kind);
    KR_RETURN_IF_ERROR(compile(spec.ref->name_expression, ".ref.nameExpression", scope,
                               cel::Type::String(), out.name));
  } else {
    const auto join = std::find_if(joins.begin(), joins.end(), [&](const RelatedJoin& candidate) {
      return candidate.name == spec.related;
    });
    if (join == joins.end()) {
      return InvalidArgument(path + ".related: \"" + spec.related +
                             "\" is not declared in spec.related");
    }
    out.join = static_cast<size_t>(join - joins.begin());
    out.gvk = join->gvk;
  }
  const cel::Scope with_it = WithIt(scope);
  KR_RETURN_IF_ERROR(compile(spec.where, ".where", with_it, cel::Type::Bool(), out.where));
  KR_RETURN_IF_ERROR(compile(spec.order_by, ".orderBy", with_it, std::nullopt, out.order_by));
  if (spec.wait_for) {
    KR_RETURN_IF_ERROR(compile(spec.wait_for->expression, ".waitFor.expression", with_it,
                               cel::Type::Bool(), out.wait_for));
  }
  return out;
}

StatusOr<Choice> Choose(const ApplyTo& apply_to, const TargetView& view,
                        const Surroundings& around) {
  Choice choice;
  if (!apply_to.join) {
    const crds::ApplyToRef& ref = *apply_to.spec.ref;
    crds::ObjectReference object{ref.api_version, ref.kind, ref.name_space, ref.name, ""};
    if (object.name_space.empty() && view.object() != nullptr) {
      object.name_space = view.object()->name_space();
    }
    if (apply_to.name) {
      const auto name = apply_to.name->Evaluate(view, view.now()).value;
      if (!name.ok()) return Annotate(name.status(), "applyTo.ref.nameExpression");
      std::string scratch;
      object.name = name->Text(scratch).value_or("");
      if (object.name.empty()) {
        return InvalidArgument("applyTo.ref.nameExpression: expected a name, got " +
                               name->ToJson().dump());
      }
    }
    choice.objects.push_back(std::move(object));
    choice.matching = 1;
    return choice;
  }
  KR_ASSIGN_OR_RETURN(std::vector<Candidate> candidates, Matching(apply_to, view, around));
  choice.matching = candidates.size();
  for (const Candidate& candidate : candidates) {
    if (candidate.key.family == candidates.front().key.family) continue;
    return InvalidArgument("applyTo.orderBy gives numbers for some objects and texts for others");
  }
  std::sort(candidates.begin(), candidates.end(), [](const Candidate& a, const Candidate& b) {
    const auto key = [](const Candidate& c) {
      return std::tuple(c.key.number, std::string_view(c.key.text), c.object->name_space(),
                        c.object->name());
    };
    return key(a) < key(b);
  });
  candidates.resize(std::min(candidates.size(), static_cast<size_t>(apply_to.spec.max)));
  for (const Candidate& candidate : candidates) {
    const document::Document& object = *candidate.object;
    choice.objects.push_back({apply_to.gvk.ApiVersion(), apply_to.gvk.kind,
                              std::string(object.name_space()), std::string(object.name()),
                              std::string(object.uid())});
  }
  return choice;
}

}  // namespace kr::policy
