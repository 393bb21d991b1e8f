#include "reconcilers/policy/compile.h"

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <variant>

#include "reconcilers/actions/registry.h"
#include "reconcilers/limits/foreign_marks.h"
#include "reconcilers/limits/protection.h"
#include "reconcilers/policy/default_health.h"
#include "reconcilers/policy/own_effect.h"
#include "reconcilers/policy/params.h"
#include "reconcilers/policy/reads.h"
#include "reconcilers/policy/scope.h"
#include "reconcilers/policy/secrets.h"
#include "reconcilers/policy/trust.h"
#include "reconcilers/signals/absent.h"
#include "reconcilers/signals/alert.h"
#include "reconcilers/signals/changed.h"
#include "reconcilers/signals/condition.h"
#include "reconcilers/signals/events.h"
#include "reconcilers/signals/increase.h"
#include "reconcilers/signals/lease.h"
#include "reconcilers/signals/match.h"
#include "reconcilers/signals/schedule.h"

namespace kr::policy {
namespace {

std::string At(std::string_view path, size_t index) {
  return std::string(path) + "[" + std::to_string(index) + "]";
}

class Compiler {
 public:
  Compiler(const crds::RemediationPolicy& policy, const crds::TargetKind& kind)
      : policy_(policy), out_(std::make_shared<CompiledPolicy>(Begin(policy, kind))) {}

  StatusOr<CompiledPolicyPtr> Run() {
    KR_RETURN_IF_ERROR(Unsupported());
    KR_RETURN_IF_ERROR(Joins());
    KR_RETURN_IF_ERROR(OwnObjects());
    KR_RETURN_IF_ERROR(EventSources());
    KR_RETURN_IF_ERROR(Triggers());
    running_scope_ = WithRemediation(scope_);
    KR_RETURN_IF_ERROR(Remedies());
    KR_RETURN_IF_ERROR(Healthy());
    KR_RETURN_IF_ERROR(Windows());
    KR_ASSIGN_OR_RETURN(out_->groups,
                        CompileGroups(policy_.spec.limits.groups, "spec.limits.groups"));
    KR_RETURN_IF_ERROR(CheckOwnEffects(*out_));
    KR_RETURN_IF_ERROR(CheckSecrets(*out_));
    KR_RETURN_IF_ERROR(CheckTrust(*out_));
    CollectReads();
    return CompiledPolicyPtr(std::move(out_));
  }

 private:
  static CompiledPolicy Begin(const crds::RemediationPolicy& policy, const crds::TargetKind& kind) {
    const auto target = kube::GroupVersionKind::FromApiVersion(kind.api_version, kind.kind);
    return CompiledPolicy{
        .name = policy.metadata.name,
        .uid = policy.metadata.uid,
        .id = policy.metadata.uid + "/" + target.group + "/" + target.kind,
        .generation = policy.metadata.generation,
        .created = policy.metadata.creation_timestamp.value_or(absl::UnixEpoch()),
        .spec = policy.spec,
        .target = target,
        .selector = Selector(policy.spec.target),
    };
  }

  Status Unsupported() const { return OkStatus(); }

  // What we act upon is never our own: a log that rewrites itself is none.
  Status OwnObjects() const {
    const auto refuse = [](const std::string& path) {
      return InvalidArgument(path + ": kube-remedy does not act on its own objects");
    };
    if (out_->target.group == crds::kGroup) return refuse("spec.target");
    for (size_t r = 0; r < policy_.spec.remedies.size(); ++r) {
      const std::vector<crds::Step>& steps = policy_.spec.remedies[r].steps;
      for (size_t s = 0; s < steps.size(); ++s) {
        if (!steps[s].apply_to) continue;
        const crds::ApplyTo& on = *steps[s].apply_to;
        const std::string path = At(At("spec.remedies", r) + ".steps", s) + ".applyTo";
        if (on.ref && on.ref->api_version.starts_with(std::string(crds::kGroup) + "/")) {
          return refuse(path + ".ref");
        }
        for (const RelatedJoin& join : out_->related) {
          if (join.name == on.related && join.gvk.group == crds::kGroup) {
            return refuse(path + ".related");
          }
        }
      }
    }
    return OkStatus();
  }

  Status Joins() {
    KR_RETURN_IF_ERROR(CheckParams(policy_.spec.params));
    out_->params = ParamsValue(policy_.spec.params);
    scope_ = BaseScope(policy_.spec.related, policy_.spec.events, policy_.spec.params);
    KR_RETURN_IF_ERROR(Variables());
    for (size_t i = 0; i < policy_.spec.related.size(); ++i) {
      const JoinContext context{policy_.spec.related, out_->related,   out_->target,
                                policy_.spec.params,  out_->variables, scope_};
      KR_ASSIGN_OR_RETURN(RelatedJoin join, CompileRelated(context, i, At("spec.related", i)));
      Note(join.reads);
      out_->related.push_back(std::move(join));
    }
    return OkStatus();
  }

  Status EventSources() {
    for (size_t i = 0; i < policy_.spec.events.size(); ++i) {
      const crds::EventSource& spec = policy_.spec.events[i];
      const std::string path = At("spec.events", i);
      EventSource source{.spec = spec, .about_kind = AboutKind(spec)};
      KR_ASSIGN_OR_RETURN(source.reason, signals::Pattern::Compile(spec.reason, path + ".reason"));
      KR_ASSIGN_OR_RETURN(source.message,
                          signals::Pattern::Compile(spec.message, path + ".message"));
      out_->events.push_back(std::move(source));
    }
    return OkStatus();
  }

  std::string AboutKind(const crds::EventSource& spec) const {
    if (const auto* kind = std::get_if<crds::AboutKind>(&spec.about)) return kind->kind;
    if (const auto* related = std::get_if<crds::AboutRelated>(&spec.about)) {
      for (const RelatedJoin& join : out_->related) {
        if (join.name == related->related) return join.gvk.kind;
      }
    }
    return out_->target.kind;
  }

  Status Variables() {
    for (size_t i = 0; i < policy_.spec.variables.size(); ++i) {
      const crds::NamedExpression& spec = policy_.spec.variables[i];
      auto program = cel::Program::Compile(spec.expression, scope_);
      if (!program.ok()) {
        return Annotate(program.status(), At("spec.variables", i) + ".expression");
      }
      DeclareVariable(scope_, spec.name, program->type());
      Note(program->reads());
      out_->variables.push_back({spec.name, *std::move(program)});
    }
    return OkStatus();
  }

  Status Triggers() {
    for (size_t i = 0; i < policy_.spec.triggers.size(); ++i) {
      const crds::Trigger& spec = policy_.spec.triggers[i];
      const std::string path = At("spec.triggers", i);
      Trigger trigger{.name = spec.name, .hold_for = spec.HoldFor()};
      if (spec.condition) {
        KR_ASSIGN_OR_RETURN(signals::SignalPtr signal,
                            signals::MakeCondition(*spec.condition, path + ".condition"));
        trigger.signals.push_back(std::move(signal));
      }
      if (spec.events) trigger.signals.push_back(signals::MakeEvents(*spec.events));
      if (spec.absent) trigger.signals.push_back(signals::MakeAbsent(out_->target.kind));
      if (spec.alert) trigger.signals.push_back(signals::MakeAlert(*spec.alert));
      if (spec.changed) {
        KR_ASSIGN_OR_RETURN(
            signals::SignalPtr signal,
            signals::MakeChanged(*spec.changed, scope_, out_->id, spec.name, path + ".changed"));
        trigger.signals.push_back(std::move(signal));
      }
      if (spec.increase) {
        KR_ASSIGN_OR_RETURN(
            signals::SignalPtr signal,
            signals::MakeIncrease(*spec.increase, scope_, NumberName(spec), path + ".increase"));
        trigger.signals.push_back(std::move(signal));
      }
      if (spec.lease) trigger.signals.push_back(signals::MakeLease(*spec.lease));
      if (spec.schedule) {
        KR_ASSIGN_OR_RETURN(signals::SignalPtr signal,
                            signals::MakeSchedule(*spec.schedule, Created(), path + ".schedule"));
        trigger.signals.push_back(std::move(signal));
      }
      for (size_t m = 0; m < spec.match.size(); ++m) {
        KR_ASSIGN_OR_RETURN(signals::SignalPtr signal,
                            signals::MakeMatch(spec.match[m], scope_, At(path + ".match", m)));
        trigger.signals.push_back(std::move(signal));
      }
      for (const auto& signal : trigger.signals) {
        Note(*signal);
        trigger.about_places = trigger.about_places || signal->IsAboutPlaces();
        trigger.planned = trigger.planned || signal->IsPlanned();
        out_->looks_back = out_->looks_back || signal->LooksBack();
        out_->keeps_baseline = out_->keeps_baseline || signal->KeepsBaseline();
      }
      out_->keeps_baseline = out_->keeps_baseline || trigger.IsLong();
      out_->has_places = out_->has_places || trigger.about_places;
      out_->triggers.push_back(std::move(trigger));
    }
    return OkStatus();
  }

  // What an edit of the rest of the policy leaves as it is.
  std::string NumberName(const crds::Trigger& spec) const {
    return out_->id + "\n" + spec.increase->expression;
  }
  absl::Time Created() const {
    return policy_.metadata.creation_timestamp.value_or(absl::InfinitePast());
  }

  Status Windows() {
    const std::vector<crds::Window>& windows = policy_.spec.limits.windows;
    for (size_t i = 0; i < windows.size(); ++i) {
      StatusOr<limits::Window> window = limits::Window::Parse(windows[i]);
      if (!window.ok()) {
        // "spec.limits.windows[0].schedule: ..."
        return InvalidArgument(At("spec.limits.windows", i) + "." +
                               std::string(Message(window.status())));
      }
      out_->windows.push_back(*std::move(window));
    }
    return OkStatus();
  }

  Status Remedies() {
    out_->only_notifies = !policy_.spec.remedies.empty();
    for (size_t i = 0; i < policy_.spec.remedies.size(); ++i) {
      const crds::Remedy& spec = policy_.spec.remedies[i];
      const std::string path = At("spec.remedies", i);
      Remedy remedy{.name = spec.name, .cure_within = spec.cure_within, .attempts = spec.attempts};
      KR_RETURN_IF_ERROR(Programs(spec.match_conditions, running_scope_, path + ".matchConditions",
                                  remedy.match_conditions));
      KR_RETURN_IF_ERROR(Programs(spec.verify, running_scope_, path + ".verify", remedy.verify));
      for (size_t k = 0; k < spec.record.size(); ++k) {
        auto program = cel::Program::Compile(spec.record[k].expression, running_scope_);
        if (!program.ok()) {
          return Annotate(program.status(), At(path + ".record", k) + ".expression");
        }
        Note(program->reads());
        remedy.record.push_back({spec.record[k].key, *std::move(program)});
      }
      for (size_t s = 0; s < spec.steps.size(); ++s) {
        KR_ASSIGN_OR_RETURN(Step step, CompileStep(spec.steps[s], At(path + ".steps", s)));
        remedy.steps.push_back(std::move(step));
      }
      out_->remedies.push_back(std::move(remedy));
    }
    return OkStatus();
  }

  StatusOr<Step> CompileStep(const crds::Step& spec, const std::string& path) {
    Step step{.spec = spec};
    if (spec.apply_to) {
      KR_ASSIGN_OR_RETURN(step.apply_to, CompileApplyTo(*spec.apply_to, out_->related,
                                                        running_scope_, path + ".applyTo"));
      Note(step.apply_to->Reads());
    }
    const cel::Scope& scope = step.apply_to ? WithIt(running_scope_) : running_scope_;
    KR_ASSIGN_OR_RETURN(step.action, actions::Make(spec, scope, path));
    if (step.action->reversal() != actions::Reversal::kNothing) out_->only_notifies = false;
    if (step.action->NeedsFencing()) {
      if (!IsNode()) {
        return InvalidArgument(path +
                               ": fencing evidence is about the target, so expected a Node " +
                               "as target (the pods by applyTo)");
      }
      fenced_.push_back(signals::MakeNodeLeaseIsFresh());
      Note(*fenced_.back());
    }
    if (!step.apply_to) {
      Note("object", step.action->EffectPaths());
    } else if (step.apply_to->join) {
      std::vector<document::Path>& effects = effects_[*step.apply_to->join];
      for (document::Path& effect : step.action->EffectPaths()) {
        effects.push_back(std::move(effect));
      }
    }
    // What they read of `it` is read live, whole.
    for (const cel::Program* program : step.action->Expressions()) Note(program->reads());
    return step;
  }

  Status Healthy() {
    KR_RETURN_IF_ERROR(Revert());
    KR_RETURN_IF_ERROR(
        Programs(policy_.spec.recovery.healthy, scope_, "spec.recovery.healthy", out_->healthy));
    const std::string_view standard = DefaultHealthy(out_->target);
    if (!out_->healthy.empty() || standard.empty()) return OkStatus();
    // Whoever only tells cures nothing.
    if (IsNode() && !out_->only_notifies) {
      out_->healthy_signals.push_back(signals::MakeNodeLeaseIsFresh());
      Note(*out_->healthy_signals.back());
    }
    return Programs({{"default", std::string(standard)}}, scope_, "default health of the kind",
                    out_->healthy);
  }

  Status Revert() {
    const std::optional<crds::Revert>& revert = policy_.spec.recovery.revert;
    if (!revert) return OkStatus();
    bool changes = false;
    for (const Remedy& remedy : out_->remedies) {
      for (const Step& step : remedy.steps) {
        changes = changes || step.action->reversal() == actions::Reversal::kChange;
      }
    }
    if (!changes) {
      return InvalidArgument(
          "spec.recovery.revert: no step makes a change that could be taken back (setEnv, patch, "
          "scale, apply)");
    }
    if (revert->when.empty()) return OkStatus();
    auto program = cel::Program::Compile(revert->when, scope_, cel::Type::Bool());
    if (!program.ok()) return Annotate(program.status(), "spec.recovery.revert.when");
    Note(program->reads());
    out_->revert_when.push_back({"when", *std::move(program)});
    return OkStatus();
  }

  Status Programs(const std::vector<crds::NamedExpression>& specs, const cel::Scope& scope,
                  const std::string& path, std::vector<NamedProgram>& out) {
    for (size_t i = 0; i < specs.size(); ++i) {
      auto program = cel::Program::Compile(specs[i].expression, scope, cel::Type::Bool());
      if (!program.ok()) return Annotate(program.status(), At(path, i) + ".expression");
      Note(program->reads());
      out.push_back({specs[i].name, *std::move(program)});
    }
    return OkStatus();
  }

  bool IsNode() const { return out_->target.group.empty() && out_->target.kind == "Node"; }

  void Note(const signals::Signal& signal) {
    Note(signal.Reads());
    const signals::LeaseRead* lease = signal.ReadsLease();
    if (lease == nullptr) return;
    for (signals::LeaseRead& known : out_->leases) {
      if (known.name_space != lease->name_space || known.name != lease->name) continue;
      known.decides = known.decides || lease->decides;
      known.after = std::min(known.after, lease->after);
      return;
    }
    out_->leases.push_back(*lease);
  }
  void Note(const std::vector<cel::Read>& reads) {
    reads_.insert(reads_.end(), reads.begin(), reads.end());
  }
  void Note(const std::string& variable, const std::vector<document::Path>& paths) {
    for (const document::Path& path : paths) reads_.push_back({variable, path});
  }

  void CollectReads() {
    // Who controls a target decides whether it is ours to patch.
    std::vector<document::Path> paths = PathsOf(reads_, "object");
    const auto add = [&paths](std::vector<document::Path> more) {
      for (document::Path& path : more) paths.push_back(std::move(path));
    };
    add(out_->selector.Paths());
    add(ControllerPaths());
    for (std::string_view path : limits::ProtectionPaths()) {
      add({*document::Path::Parse(path)});  // constants, a test parses them
    }
    for (const std::string& path :
         limits::ForeignMarkPaths(out_->target.group, out_->target.kind)) {
      add({*document::Path::Parse(path)});
    }
    add(PathsOf(out_->groups));
    out_->target_reads = {out_->target, std::move(paths)};

    for (const RelatedJoin& join : out_->related) {
      std::vector<document::Path> related = PathsOfRelated(reads_, join.name);
      related.insert(related.end(), join.key_paths.begin(), join.key_paths.end());
      const std::vector<document::Path>& effects = effects_[out_->related_reads.size()];
      related.insert(related.end(), effects.begin(), effects.end());
      if (out_->watches_events()) {
        // Event facts name the owner and node of what the Events are about.
        for (document::Path& path : ControllerPaths()) related.push_back(std::move(path));
        if (join.gvk.kind == "Pod") {
          related.push_back({{document::Step::Field("spec"), document::Step::Field("nodeName")},
                             document::Depth::kValue});
        }
      }
      out_->related_reads.push_back({join.gvk, std::move(related)});
    }
    for (const RelatedJoin& join : out_->related) {
      if (!join.of) continue;
      std::vector<document::Path>& start = out_->related_reads[*join.of].paths;
      start.insert(start.end(), join.of_paths.begin(), join.of_paths.end());
    }
    out_->reads_previous = ReadsField(reads_, "remediation", "previous");
    for (const crds::Param& param : policy_.spec.params) {
      if (ReadsField(reads_, "params", param.name)) out_->read_params.insert(param.name);
    }
  }

  const crds::RemediationPolicy& policy_;
  std::shared_ptr<CompiledPolicy> out_;
  cel::Scope scope_;
  cel::Scope running_scope_;
  std::vector<cel::Read> reads_;
  std::vector<signals::SignalPtr> fenced_;
  std::map<size_t, std::vector<document::Path>> effects_;  // by join: what steps change there
};

}  // namespace

StatusOr<std::vector<CompiledPolicyPtr>> CompileKinds(const crds::RemediationPolicy& policy) {
  std::vector<CompiledPolicyPtr> compiled;
  for (const crds::TargetKind& kind : policy.spec.target.Kinds()) {
    KR_ASSIGN_OR_RETURN(CompiledPolicyPtr one, Compiler(policy, kind).Run());
    compiled.push_back(std::move(one));
  }
  return compiled;
}

StatusOr<CompiledPolicyPtr> Compile(const crds::RemediationPolicy& policy) {
  return Compiler(policy, policy.spec.target.Kinds().front()).Run();
}

}  // namespace kr::policy
