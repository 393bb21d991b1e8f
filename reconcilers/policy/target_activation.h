#pragma once

#include <vector>

#include "controller/cel/program.h"
#include "controller/document/document.h"
#include "controller/kube/resource.h"
#include "reconcilers/policy/related.h"

namespace kr::policy {

// `target` as a value: {apiVersion, kind, namespace, name, uid}.
cel::Value TargetValue(const kube::GroupVersionKind& kind, const document::Document& object);

// `object`, `target`, `params` and the variables that read nothing else. Lives for one evaluation;
// all references outlive it.
class TargetActivation final : public cel::Activation {
 public:
  TargetActivation(const kube::GroupVersionKind& kind, const document::Document& object,
                   const cel::Value& params, const std::vector<NamedProgram>& variables)
      : kind_(kind), object_(object), params_(&params), variables_(&variables) {}
  // `object` and `target` alone.
  TargetActivation(const kube::GroupVersionKind& kind, const document::Document& object)
      : kind_(kind), object_(object) {}
  StatusOr<cel::Value> Resolve(std::string_view variable) const override;
  std::optional<cel::Value> ResolveField(std::string_view variable, std::string_view field,
                                         absl::Time& valid_until) const override;

 private:
  const kube::GroupVersionKind& kind_;
  const document::Document& object_;
  const cel::Value* params_ = nullptr;
  const std::vector<NamedProgram>* variables_ = nullptr;
};

// One object under one name (`it`, `of`), and `params`.
class ObjectActivation final : public cel::Activation {
 public:
  ObjectActivation(std::string_view name, const document::Document& object,
                   const cel::Value& params)
      : name_(name), object_(object), params_(params) {}
  StatusOr<cel::Value> Resolve(std::string_view variable) const override;

 private:
  const std::string_view name_;
  const document::Document& object_;
  const cel::Value& params_;
};

}  // namespace kr::policy
