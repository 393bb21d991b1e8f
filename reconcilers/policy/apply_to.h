#pragma once

#include <optional>
#include <string>
#include <vector>

#include "controller/base/status.h"
#include "controller/cel/program.h"
#include "controller/cel/value.h"
#include "crds/v1alpha1/step.h"
#include "reconcilers/policy/related.h"

// What a step works on instead of the target.
namespace kr::policy {

class Surroundings;
class TargetView;

// A step's applyTo, ready to choose. Immutable.
struct ApplyTo {
  crds::ApplyTo spec;
  std::optional<size_t> join;  // index into the policy's joins; nullopt with `ref`
  kube::GroupVersionKind gvk;  // of the objects
  // Over `it`, `name` (of `ref`) without it.
  std::optional<cel::Program> where, order_by, name, wait_for;

  // What the programs read of the policy's scope, `it` being an object of the join. (What waitFor
  // reads of `it` is not among it: that is read live.)
  std::vector<cel::Read> Reads() const;
};

// `scope` is that of a running remediation. InvalidArgument names the field below `path`.
StatusOr<ApplyTo> CompileApplyTo(const crds::ApplyTo& spec, const std::vector<RelatedJoin>& joins,
                                 const cel::Scope& scope, const std::string& path);

// `scope` with `it`, an object whose shape is not known.
cel::Scope WithIt(cel::Scope scope);

// `view` with a value for `it`. Both outlive it.
class ItView final : public cel::Activation {
 public:
  ItView(const cel::Activation& view, cel::Value it) : view_(view), it_(std::move(it)) {}
  StatusOr<cel::Value> Resolve(std::string_view variable) const override {
    if (variable == "it") return it_;
    return view_.Resolve(variable);
  }

 private:
  const cel::Activation& view_;
  const cel::Value it_;
};

// The objects that a step works on, in this order.
struct Choice {
  std::vector<crds::ObjectReference> objects;
  size_t matching = 0;  // how many there were before `max` cut them
};

// Chooses them as `view` and `around` (the view's surroundings) are now. The namespace of a `ref`
// without one is the target's. An error means "unknown": nothing may be chosen.
StatusOr<Choice> Choose(const ApplyTo& apply_to, const TargetView& view,
                        const Surroundings& around);

}  // namespace kr::policy
