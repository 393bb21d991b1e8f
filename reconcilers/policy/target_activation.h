#pragma once

#include "controller/cel/program.h"
#include "controller/document/document.h"
#include "controller/kube/resource.h"

namespace kr::policy {

// `target` as a value: {apiVersion, kind, namespace, name, uid}.
cel::Value TargetValue(const kube::GroupVersionKind& kind, const document::Document& object);

// `object` and `target`, for expressions that may read nothing else. Lives for one evaluation.
class TargetActivation final : public cel::Activation {
 public:
  TargetActivation(const kube::GroupVersionKind& kind, const document::Document& object)
      : kind_(kind), object_(object) {}
  StatusOr<cel::Value> Resolve(std::string_view variable) const override;

 private:
  const kube::GroupVersionKind& kind_;
  const document::Document& object_;
};

}  // namespace kr::policy
