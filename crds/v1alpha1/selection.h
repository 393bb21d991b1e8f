#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "absl/time/time.h"
#include "crds/meta/label_selector.h"

// Which objects a policy looks at: its targets, the objects joined to them, the Events about both.
namespace kr::crds {

struct TargetKind {
  std::string api_version;
  std::string kind;

  friend bool operator==(const TargetKind&, const TargetKind&) = default;
};

// The objects that a policy watches: all conditions must hold. Empty lists and absent selectors do
// not narrow.
struct Target {
  // One kind, or several in `kinds`.
  std::string api_version;
  std::string kind;
  std::vector<TargetKind> kinds;
  std::vector<std::string> names;
  std::vector<std::string> namespaces;
  std::optional<LabelSelector> namespace_selector;  // of the labels of the object's Namespace
  std::optional<LabelSelector> selector;
  std::optional<LabelSelector> exclude_selector;
  bool all = false;                    // needed when nothing above narrows
  bool include_control_plane = false;  // of Nodes: those of the control plane are targets too

  // Whichever way they are written.
  std::vector<TargetKind> Kinds() const;
  friend bool operator==(const Target&, const Target&) = default;
};

// Joins that are built in, from the objects on the left (the target, or those of another join).
enum class RelatedPreset {
  kOwnedPods,                // a controller: its pods
  kPodsOnNode,               // a Node: the pods bound to it
  kNodeOfPod,                // a Pod: the Node that it is bound to
  kTopOwner,                 // anything: what controls it in the end, of the kind that is named
  kPodsOfService,            // a Service: the pods that it selects
  kEndpointSlicesOfService,  // a Service
  kPvcsOfPod,                // a Pod: its PersistentVolumeClaims
  kPdbsOfPod,                // a Pod: the PodDisruptionBudgets that cover it
};
std::string_view ToString(RelatedPreset preset);

// A named join; expressions read it as `related.<name>`: a preset, or the general form with the
// kind of the joined objects and how they are found:
// - `key` equals `equals`. Either may be a value, a list of values or an optional; none means no
//   key, hence no match.
// - `labels` are selected by `selected_by`. One of the two reads the joined object.
// - neither: namespace, names and selector alone choose.
struct Related {
  std::string name;
  std::optional<RelatedPreset> preset;
  std::string api_version;
  std::string kind;
  // The earlier join that this one starts from; "" = the target.
  std::string of;
  bool same_namespace = false;  // as what it starts from; not together with name_space
  std::string name_space;
  std::vector<std::string> names;
  std::optional<LabelSelector> selector;
  std::string where;  // CEL over `it`, "" = no condition
  std::string key;    // CEL over `it`
  std::string equals;
  std::string labels;
  std::string selected_by;
  // More objects than this make whatever reads the join Unknown.
  int64_t max = 1000;

  friend bool operator==(const Related&, const Related&) = default;
};

// Whose Events are meant.
struct AboutTarget {
  friend bool operator==(const AboutTarget&, const AboutTarget&) = default;
};
struct AboutRelated {
  std::string related;  // a name in spec.related
  friend bool operator==(const AboutRelated&, const AboutRelated&) = default;
};
struct AboutKind {  // any object of a kind
  std::string api_version;
  std::string kind;
  friend bool operator==(const AboutKind&, const AboutKind&) = default;
};

// A named source of Events; expressions read it as `events.<name>`. Patterns are RE2, searched for
// (not anchored); "" matches everything.
struct EventSource {
  std::string name;
  std::variant<AboutTarget, AboutRelated, AboutKind> about;
  std::string type;  // "Normal", "Warning" or "" for both
  std::string reason;
  std::string message;
  absl::Duration within = absl::Minutes(10);

  friend bool operator==(const EventSource&, const EventSource&) = default;
};

}  // namespace kr::crds
