#include "reconcilers/remediation/target_facts.h"

#include <string>

#include "crds/meta/nodes.h"
#include "crds/v1alpha1/common.h"

namespace kr::remediation {
namespace {

using document::Kind;
using document::Node;

StatusOr<bool> IsThere(const Node& node, std::string_view what) {
  switch (node.kind()) {
    case Kind::kUnprojected:
      return FailedPrecondition(std::string(what) + " was not read");
    case Kind::kAbsent:
    case Kind::kNull:
      return false;
    default:
      return true;
  }
}

}  // namespace

StatusOr<bool> IsControlPlane(const document::Document& node) {
  bool is = false;
  for (const std::string_view label : crds::kControlPlaneLabels) {
    KR_ASSIGN_OR_RETURN(const bool has,
                        IsThere(node.At("metadata.labels").Field(label), "metadata.labels"));
    is = is || has;
  }
  return is;
}

StatusOr<limits::TargetFacts> FactsOf(const crds::ObjectReference& ref,
                                      const document::Document& target, bool means_control_plane) {
  limits::TargetFacts facts{.ref = ref};
  const Node exclude = target.At("metadata.labels").Field(crds::kExcludeLabel);
  KR_ASSIGN_OR_RETURN(const bool labelled, IsThere(exclude, "metadata.labels"));
  if (labelled && !exclude.is_string()) {
    return FailedPrecondition("of metadata.labels only the presence was read");
  }
  facts.exclude_label = exclude.StringOr("");
  KR_ASSIGN_OR_RETURN(facts.deleting,
                      IsThere(target.At("metadata.deletionTimestamp"), "deletionTimestamp"));
  if (ref.api_version == "v1" && ref.kind == "Node") {
    KR_ASSIGN_OR_RETURN(const bool is, IsControlPlane(target));
    facts.control_plane = is && !means_control_plane;
  }
  if (ref.api_version != "v1" || ref.kind != "Pod") return facts;
  const Node mirror = target.At("metadata.annotations").Field(limits::kMirrorAnnotation);
  KR_ASSIGN_OR_RETURN(facts.mirror_pod, IsThere(mirror, "metadata.annotations"));
  return facts;
}

}  // namespace kr::remediation
