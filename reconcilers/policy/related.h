#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "controller/base/status.h"
#include "controller/cel/program.h"
#include "controller/document/document.h"
#include "controller/kube/resource.h"
#include "crds/v1alpha1/selection.h"

namespace kr::policy {

// The keys of one object on one side of a join. No key: the object joins nothing.
using Keys = std::vector<std::string>;
using KeyFunction = std::function<Keys(const document::Document&)>;

// One `related` entry, ready to join: objects whose key equals one of the target's. Immutable,
// pure.
struct RelatedJoin {
  std::string name;
  kube::GroupVersionKind gvk;  // of the related objects
  // Scope of the related objects, to watch no more than needed.
  bool same_namespace = false;
  std::string name_space;
  std::vector<std::string> names;
  std::optional<crds::LabelSelector> selector;
  size_t max = 1000;

  KeyFunction key;     // of a related object (its `where`, selector and names included)
  KeyFunction equals;  // of a target
  // What the functions read.
  std::vector<document::Path> key_paths;
  std::vector<document::Path> equals_paths;
  // For Event facts and live reads: related objects are the pods that a target controls.
  bool owned_pods = false;
};

// `target` is the kind of the policy's targets; `equals` may read `object` and `target`.
// InvalidArgument names the field (below `path`) and the column of what does not compile.
StatusOr<RelatedJoin> CompileRelated(const crds::Related& spec,
                                     const kube::GroupVersionKind& target, std::string_view path);

// Who controls an object: its controller owner reference.
struct ControllerOf {
  std::string api_version, kind, name, uid;
};
std::optional<ControllerOf> FindController(const document::Document& object);
std::vector<document::Path> ControllerPaths();

}  // namespace kr::policy
