#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "controller/base/status.h"
#include "controller/cache/relation.h"
#include "controller/cel/program.h"
#include "controller/document/document.h"
#include "controller/kube/resource.h"
#include "crds/v1alpha1/params.h"
#include "crds/v1alpha1/selection.h"

namespace kr::policy {

struct NamedProgram {
  std::string name;
  cel::Program program;
};

// One `related` entry, ready to join. Immutable, pure.
//
// A join starts from the target, or from each object of an earlier join. What its start brings (a
// key, labels, selectors) mostly follows from that one object, and both sides can be indexed. Where
// it takes more, such as other joins of the target, it is known only when the target is evaluated.
struct RelatedJoin {
  std::string name;
  kube::GroupVersionKind gvk;  // of the related objects
  std::optional<size_t> of;    // the earlier join that it starts from; nullopt: the target
  // What the join means, in a text: joins of the same text are the same.
  std::string canonical;
  // Scope of the related objects, to watch no more than needed.
  bool same_namespace = false;  // as what it starts from
  std::string name_space;
  std::vector<std::string> names;
  std::optional<crds::LabelSelector> selector;
  size_t max = 1000;

  cache::JoinKind kind = cache::JoinKind::kEqualKeys;
  cache::KeyFunction key;     // of a related object (its `where`, selector and names included)
  cache::KeyFunction equals;  // of what it starts from; null: only `said` knows
  // The same with everything that the target's expressions can read. An error means unknown. Null
  // unless `equals` is.
  std::function<Status(const cel::Activation&, cache::KeySink&)> said;

  // What the functions read: of a related object; of an object of `of`; of what is around the
  // target.
  std::vector<document::Path> key_paths;
  std::vector<document::Path> of_paths;
  std::vector<cel::Read> reads;
  bool reads_params = false;

  // How a live list can be narrowed by what the start brings.
  enum class Narrow {
    kNothing,
    kName,        // the key is the name
    kNodeName,    // ... the node of a pod
    kLabels,      // the selectors are of the objects' own labels
    kPodSelector  // pods that a workload controls: its own selector
  };
  Narrow narrow = Narrow::kNothing;
};

// What a join can be made of.
struct JoinContext {
  const std::vector<crds::Related>& specs;
  const std::vector<RelatedJoin>& before;  // those compiled already
  kube::GroupVersionKind target;
  const std::vector<crds::Param>& params;
  const std::vector<NamedProgram>& variables;
  const cel::Scope& scope;  // of the policy's expressions
};

// The join `context.specs[index]`. InvalidArgument names the field (below `path`) and the column of
// what does not compile, or the join that it must not read.
StatusOr<RelatedJoin> CompileRelated(const JoinContext& context, size_t index,
                                     const std::string& path);

// The kind of the objects that a join gives.
kube::GroupVersionKind KindOf(const crds::Related& spec);

// ResourceExhausted when a join gave more than it may.
Status CheckMax(const RelatedJoin& join, size_t objects);

// Who controls an object: its controller owner reference.
struct ControllerOf {
  std::string api_version, kind, name, uid;
};
std::optional<ControllerOf> FindController(const document::Document& object);
std::vector<document::Path> ControllerPaths();

}  // namespace kr::policy
