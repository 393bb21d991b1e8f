#include "reconcilers/actions/set_env.h"

#include <algorithm>
#include <optional>
#include <set>
#include <utility>

#include <nlohmann/json.hpp>

#include "reconcilers/actions/change.h"
#include "reconcilers/actions/computed_value.h"
#include "reconcilers/actions/managed_fields.h"
#include "reconcilers/actions/pod_template.h"

namespace kr::actions {
namespace {

using nlohmann::json;

std::string Join(const std::vector<std::string>& parts) {
  std::string text;
  for (const std::string& part : parts) text += (text.empty() ? "" : ", ") + part;
  return text;
}

// {"containers": [...]} where it belongs.
json TemplatePatch(json containers) {
  json patch;
  patch["spec"]["template"]["spec"]["containers"] = std::move(containers);
  return patch;
}

// The entry as it was, for the memo.
json PreImageOf(const EnvEntry& found, const std::string& name) {
  if (found.entry == nullptr) return {{"name", name}, {"absent", true}};
  json before = {{"name", name}};
  if (const json* from = Find(*found.entry, {"valueFrom"})) {
    before["valueFrom"] = *from;
  } else {
    before["value"] = FindText(*found.entry, {"value"});
  }
  return before;
}

// The strategic patch entry that makes an entry say what `before` says.
json Restoring(const json& before) {
  json entry = {{"name", FindText(before, {"name"})}};
  if (Find(before, {"absent"}) != nullptr) {
    entry["$patch"] = "delete";
  } else if (const json* from = Find(before, {"valueFrom"})) {
    entry["value"] = nullptr;
    entry["valueFrom"] = *from;
  } else {
    entry["value"] = FindText(before, {"value"});
    entry["valueFrom"] = nullptr;
  }
  return entry;
}

class SetEnvAction final : public Action {
 public:
  explicit SetEnvAction(const crds::SetEnv& params)
      : containers_(params.Containers()), env_(params.env) {}

  std::string_view kind() const override { return "setEnv"; }
  Disruption disruption() const override { return Disruption::kWorkload; }
  Reversal reversal() const override { return Reversal::kChange; }
  std::vector<RbacRule> RequiredRules(const kube::Resource& resource) const override {
    return PatchRules(resource);
  }

  std::string Describe() const override {
    std::vector<std::string> pairs;
    for (const crds::EnvVar& variable : env_) pairs.push_back(variable.name + "=" + variable.value);
    return "set " + Join(pairs) + " in container" + (containers_.size() > 1 ? "s " : " ") +
           Join(containers_);
  }

  Next Ask(const json& memo, const Observed& observed) const override {
    if (std::optional<Next> need = NeedLive(observed)) return *std::move(need);
    const json& live = *observed.live;
    if (!HasPodTemplate(observed.ref.resource.gvk)) {
      return Failed{"KindNotSupported",
                    "setEnv works on DaemonSets, Deployments and StatefulSets of group apps, not "
                    "on " +
                        ObjectText(observed.ref)};
    }
    if (Holds(live)) {
      return Done{.message = (memo.is_null() ? "already so: " : "done: ") + Describe()};
    }
    if (std::optional<Next> owned = RefuseOwned(observed, Describe())) return *std::move(owned);
    if (std::optional<Failed> fault = Check(live)) return *std::move(fault);
    return Write{.request = ConditionalPatch(observed, kube::PatchType::kStrategic,
                                             TemplatePatch(Missing(live))),
                 .verb = "patch",
                 .summary = Describe(),
                 .memo = WithPreImage(memo, live)};
  }

  std::vector<document::Path> EffectPaths() const override {
    using document::Step;
    document::Path containers;
    for (const char* field : {"spec", "template", "spec", "containers"}) {
      containers.steps.push_back(Step::Field(field));
    }
    containers.steps.push_back(Step::Each());
    std::vector<document::Path> paths;
    for (const char* field : {"name", "env"}) {
      paths.push_back(containers);
      paths.back().steps.push_back(Step::Field(field));
    }
    return paths;
  }

  std::vector<FieldPath> EffectFields() const override {
    std::vector<FieldPath> fields;
    for (const std::string& container : containers_) {
      for (const crds::EnvVar& variable : env_) {
        for (const char* field : {"value", "valueFrom"}) {
          fields.push_back(StepsTo(container, variable.name));
          fields.back().push_back(FieldStep(field));
        }
      }
    }
    return fields;
  }

  bool EffectHolds(const json&, const json& object) const override { return Holds(object); }

  std::optional<Write> Undo(const json& memo, const Observed& observed) const override {
    if (NeedLive(observed)) return std::nullopt;
    const json* before = Find(memo, {kBefore});
    if (before == nullptr || !before->is_object()) return std::nullopt;
    json patch = json::array();
    std::vector<std::string> names;
    for (const std::string& name : containers_) {
      const json* container = FindContainer(*observed.live, name);
      const json* entries = Find(*before, {name});
      if (container == nullptr || entries == nullptr) continue;
      json restored = json::array();
      for (const json& entry : *entries) {
        std::string variable = FindText(entry, {"name"});
        if (!StillOurs(*observed.live, *container, variable)) continue;
        restored.push_back(Restoring(entry));
        names.push_back(variable);
      }
      if (!restored.empty()) patch.push_back({{"name", name}, {"env", restored}});
    }
    if (patch.empty()) return std::nullopt;
    return Write{.request = ConditionalPatch(observed, kube::PatchType::kStrategic,
                                             TemplatePatch(std::move(patch))),
                 .verb = "patch",
                 .summary = "put " + Join(names) + " back as before",
                 .memo = memo};
  }

  std::string Left(const json& memo, const Observed& observed) const override {
    if (auto whole = LeftWhole(memo, observed)) return *std::move(whole);
    const json* before = Find(memo, {kBefore});
    if (before == nullptr) return "";
    std::vector<std::string> left;
    for (const auto& [name, entries] : before->items()) {
      const json* container = FindContainer(*observed.live, name);
      for (const json& entry : entries) {
        const std::string variable = FindText(entry, {"name"});
        if (container == nullptr) {
          left.push_back(variable + " (there is no container " + name + ")");
        } else if (PreImageOf(FindEnv(*container, variable), variable) != entry) {
          std::vector<std::string> steps = StepsTo(name, variable);
          left.push_back(FieldAndOwner(*observed.live, kFieldManager, steps));
        }
      }
    }
    return Join(left);
  }

 private:
  bool Holds(const json& object) const {
    return std::ranges::all_of(containers_, [&](const std::string& name) {
      const json* container = FindContainer(object, name);
      return container != nullptr && std::ranges::all_of(env_, [&](const crds::EnvVar& variable) {
               return HoldsLiterally(FindEnv(*container, variable.name).entry, variable.value);
             });
    });
  }

  // What the live object itself makes impossible.
  std::optional<Failed> Check(const json& live) const {
    for (const std::string& name : containers_) {
      const json* container = FindContainer(live, name);
      if (container == nullptr) {
        return Failed{"ContainerNotFound",
                      "there is no container " + name + "; there is " + Join(ContainerNames(live))};
      }
      for (const crds::EnvVar& variable : env_) {
        // A strategic patch would change the first entry, the kubelet takes the last.
        if (FindEnv(*container, variable.name).times < 2) continue;
        return Failed{"AmbiguousEntry", "container " + name + " has " + variable.name +
                                            " more than once; remove all but one by hand"};
      }
    }
    return std::nullopt;
  }

  // The patch's containers: nothing but the entries that do not hold yet.
  json Missing(const json& live) const {
    json containers = json::array();
    for (const std::string& name : containers_) {
      const json* container = FindContainer(live, name);
      json env = json::array();
      for (const crds::EnvVar& variable : env_) {
        if (HoldsLiterally(FindEnv(*container, variable.name).entry, variable.value)) continue;
        // Merging would leave an old valueFrom beside the value, which is invalid.
        env.push_back({{"name", variable.name}, {"value", variable.value}, {"valueFrom", nullptr}});
      }
      if (!env.empty()) containers.push_back({{"name", name}, {"env", env}});
    }
    return containers;
  }

  // The first pre-image of an entry stays: when we are asked again, what is there may be ours.
  json WithPreImage(const json& memo, const json& live) const {
    if (!WhyNoUndo(memo).empty()) return memo;
    const json* recorded = Find(memo, {kBefore});
    json before = recorded != nullptr ? *recorded : json::object();
    for (const std::string& name : containers_) {
      const json* container = FindContainer(live, name);
      for (const crds::EnvVar& variable : env_) {
        EnvEntry found = FindEnv(*container, variable.name);
        if (HoldsLiterally(found.entry, variable.value) ||
            IsRecorded(before, name, variable.name)) {
          continue;
        }
        before[name].push_back(PreImageOf(found, variable.name));
      }
    }
    if (before.dump().size() > kMaxPreImageBytes) {
      return {{kNoUndo, "the values before are too large to be kept"}};
    }
    return {{kBefore, std::move(before)}};
  }

  static bool IsRecorded(const json& before, const std::string& container,
                         const std::string& name) {
    const json* entries = Find(before, {container});
    return entries != nullptr && std::ranges::any_of(*entries, [&](const json& entry) {
             return FindText(entry, {"name"}) == name;
           });
  }

  static std::vector<std::string> StepsTo(const std::string& container, const std::string& name) {
    std::vector<std::string> steps;
    for (const char* field : {"spec", "template", "spec", "containers"}) {
      steps.push_back(FieldStep(field));
    }
    steps.push_back(ElementStep("name", container));
    steps.push_back(FieldStep("env"));
    steps.push_back(ElementStep("name", name));
    return steps;
  }

  bool StillOurs(const json& live, const json& container, const std::string& name) const {
    auto variable = std::ranges::find(env_, name, &crds::EnvVar::name);
    if (variable == env_.end()) return false;
    EnvEntry found = FindEnv(container, name);
    if (found.times != 1 || !HoldsLiterally(found.entry, variable->value)) return false;
    std::vector<std::string> steps = StepsTo(FindText(container, {"name"}), name);
    steps.push_back(FieldStep("value"));
    // An empty value is left out of the object, so nobody owns it.
    return variable->value.empty() || OwnsField(live, kFieldManager, steps);
  }

  const std::vector<std::string> containers_;
  const std::vector<crds::EnvVar> env_;
};

// setEnv with computed values: decides on them once, then is a setEnv with those values.
class ComputedSetEnvAction final : public Action {
 public:
  ComputedSetEnvAction(const crds::SetEnv& params,
                       std::vector<std::optional<cel::Program>> programs)
      : params_(params), programs_(std::move(programs)), shown_(WithExpressions(params)) {}

  std::string_view kind() const override { return shown_.kind(); }
  std::string Describe() const override { return shown_.Describe(); }
  Disruption disruption() const override { return shown_.disruption(); }
  Reversal reversal() const override { return shown_.reversal(); }
  std::vector<RbacRule> RequiredRules(const kube::Resource& resource) const override {
    return shown_.RequiredRules(resource);
  }
  std::vector<document::Path> EffectPaths() const override { return shown_.EffectPaths(); }
  std::vector<FieldPath> EffectFields() const override { return shown_.EffectFields(); }
  std::vector<const cel::Program*> Expressions() const override {
    std::vector<const cel::Program*> programs;
    for (const auto& program : programs_) {
      if (program) programs.push_back(&*program);
    }
    return programs;
  }

  Next Ask(const json& memo, const Observed& observed) const override {
    if (std::optional<Next> need = NeedLive(observed)) return *std::move(need);
    json values = json::object();
    if (const json* decided = Find(memo, {kValues})) {
      values = *decided;
    } else if (std::optional<Next> instead = Decide(observed, values)) {
      return *std::move(instead);
    }
    Next next = WithValues(values).Ask(memo, observed);
    if (auto* write = std::get_if<Write>(&next)) write->memo[kValues] = values;
    return next;
  }
  bool EffectHolds(const json& memo, const json& object) const override {
    const json* values = Find(memo, {kValues});
    return values == nullptr || WithValues(*values).EffectHolds(memo, object);
  }
  std::optional<Write> Undo(const json& memo, const Observed& observed) const override {
    const json* values = Find(memo, {kValues});
    if (values == nullptr) return std::nullopt;
    return WithValues(*values).Undo(memo, observed);
  }

  std::string Left(const json& memo, const Observed& observed) const override {
    const json* values = Find(memo, {kValues});
    return values == nullptr ? "" : WithValues(*values).Left(memo, observed);
  }

 private:
  // In the memo: what the expressions gave, by variable.
  static constexpr char kValues[] = "values";

  static crds::SetEnv WithExpressions(crds::SetEnv params) {
    for (crds::EnvVar& variable : params.env) {
      if (!variable.value_expression.empty()) variable.value = variable.value_expression;
    }
    return params;
  }

  SetEnvAction WithValues(const json& values) const {
    crds::SetEnv params = params_;
    for (crds::EnvVar& variable : params.env) {
      if (!variable.value_expression.empty()) variable.value = FindText(values, {variable.name});
    }
    return SetEnvAction(params);
  }

  std::optional<Next> Decide(const Observed& observed, json& values) const {
    for (size_t i = 0; i < programs_.size(); ++i) {
      if (!programs_[i]) continue;
      const std::string& name = params_.env[i].name;
      StatusOr<json> value = observed.evaluate(*programs_[i]);
      if (!value.ok()) {
        return ValueUnknown("the value of " + name, *programs_[i], Message(value.status()),
                            observed);
      }
      if (!value->is_string()) {
        return Failed{"ValueUnknown", "the value of " + name +
                                          " is unknown: " + programs_[i]->text() +
                                          ": expected a text, got " + value->dump()};
      }
      values[name] = *std::move(value);
    }
    return std::nullopt;
  }

  const crds::SetEnv params_;
  const std::vector<std::optional<cel::Program>> programs_;
  const SetEnvAction shown_;
};

// The names in a list are given and given once.
Status CheckNames(const std::vector<std::string>& names, std::string_view path,
                  std::string_view suffix) {
  std::set<std::string_view> seen;
  for (size_t i = 0; i < names.size(); ++i) {
    auto error = [&](std::string_view message) {
      return InvalidArgument(std::string(path) + "[" + std::to_string(i) + "]" +
                             std::string(suffix) + ": " + std::string(message));
    };
    if (names[i].empty()) return error("must not be empty");
    if (!seen.insert(names[i]).second) return error(names[i] + " is given twice");
  }
  return OkStatus();
}

}  // namespace

StatusOr<std::unique_ptr<Action>> MakeSetEnv(const crds::SetEnv& params, const cel::Scope& scope,
                                             std::string_view path) {
  std::string prefix(path);
  if (params.container.empty() == params.containers.empty()) {
    return InvalidArgument(prefix + ": expected container or containers, one of the two");
  }
  if (params.env.empty()) return InvalidArgument(prefix + ".env: expected at least one variable");
  KR_RETURN_IF_ERROR(CheckNames(params.containers, prefix + ".containers", ""));
  std::vector<std::string> names;
  for (const crds::EnvVar& variable : params.env) names.push_back(variable.name);
  KR_RETURN_IF_ERROR(CheckNames(names, prefix + ".env", ".name"));
  std::vector<std::optional<cel::Program>> programs(params.env.size());
  bool computed = false;
  for (size_t i = 0; i < params.env.size(); ++i) {
    const std::string& text = params.env[i].value_expression;
    if (text.empty()) continue;
    computed = true;
    const std::string element = prefix + ".env[" + std::to_string(i) + "]";
    if (!params.env[i].value.empty()) {
      return InvalidArgument(element + ": value and valueExpression exclude each other");
    }
    auto program = cel::Program::Compile(text, scope, cel::Type::String());
    if (!program.ok()) return Annotate(program.status(), element + ".valueExpression");
    programs[i] = *std::move(program);
  }
  if (!computed) return std::make_unique<SetEnvAction>(params);
  return std::make_unique<ComputedSetEnvAction>(params, std::move(programs));
}

}  // namespace kr::actions
