#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"
#include "controller/kube/resource.h"
#include "crds/meta/label_selector.h"

// What a drain knows of the objects of a cluster: only what it decides by, as plain data.
namespace kr::drain {

// Amounts by resource, "cpu" in cores, everything else in the unit of its quantity; "pods" counts.
using Amounts = std::map<std::string, double, std::less<>>;

struct Taint {
  std::string key, value, effect;
  friend bool operator==(const Taint&, const Taint&) = default;
};

struct Toleration {
  std::string key;           // "" with Exists: every key
  std::string op = "Equal";  // Equal, Exists
  std::string value = {};
  std::string effect = {};  // "": every effect
  friend bool operator==(const Toleration&, const Toleration&) = default;
};

// One requirement of a NodeSelectorTerm; `field`: on metadata.name instead of on a label.
struct NodeRequirement {
  std::string key;
  std::string op;  // In, NotIn, Exists, DoesNotExist, Gt, Lt
  std::vector<std::string> values = {};
  bool field = false;
  friend bool operator==(const NodeRequirement&, const NodeRequirement&) = default;
};

// One of the terms has to hold, of a term all requirements. A term without any matches nothing.
using NodeTerms = std::vector<std::vector<NodeRequirement>>;

struct Node {
  std::string name, uid;
  std::map<std::string, std::string> labels = {};
  std::vector<Taint> taints = {};
  Amounts allocatable = {};
  bool ready = true;
  bool unschedulable = false;
  bool going = false;  // has a deletionTimestamp
};

// What of a pod comes from its template: pods of one owner share it.
struct PodSpec {
  Amounts requests = {};
  std::map<std::string, std::string> node_selector = {};
  std::optional<NodeTerms> node_terms = {};  // required node affinity
  std::vector<Toleration> tolerations = {};
  // Required anti-affinity over kubernetes.io/hostname, in the pod's own namespace.
  std::vector<crds::LabelSelector> apart_from = {};
  std::string priority_class = {};
  int64_t grace_seconds = 30;
  bool empty_dir = false;
  bool host_path = false;
  bool ephemeral = false;  // a claim that goes with the pod
  friend bool operator==(const PodSpec&, const PodSpec&) = default;
};

// The controller in metadata.ownerReferences.
struct Owner {
  std::string group, kind, name, uid;
  friend bool operator==(const Owner&, const Owner&) = default;
};

struct Pod {
  kube::ObjectKey key;
  std::string uid;
  std::string node = {};  // "": not scheduled yet
  std::optional<Owner> owner = {};
  std::map<std::string, std::string> labels = {};
  std::vector<std::string> claims = {};  // PersistentVolumeClaims in its namespace
  std::shared_ptr<const PodSpec> spec = std::make_shared<PodSpec>();
  std::string phase = "Running";
  bool ready = true;
  absl::Time ready_since = absl::InfinitePast();
  std::optional<absl::Time> deleted = {};  // deletionTimestamp: when the grace ends
  bool mirror = false;
  // The annotation by which somebody asks that it is not disrupted; "": none.
  std::string do_not_disrupt = {};

  bool Finished() const { return phase == "Succeeded" || phase == "Failed"; }
};

struct StatefulSet {
  kube::ObjectKey key;
  std::string uid;
  int64_t replicas = 1;
  int64_t first_ordinal = 0;
  int64_t ready_replicas = 0;
  int64_t updated_replicas = 0;
  absl::Duration min_ready = absl::ZeroDuration();
  bool on_delete = false;  // updateStrategy OnDelete: it replaces nothing by itself
  int64_t partition = 0;
  std::string current_revision = {}, update_revision = {};
  bool observed = true;  // status is about the newest spec
  crds::LabelSelector selector = {};
};

struct Budget {  // PodDisruptionBudget
  kube::ObjectKey key;
  std::optional<crds::LabelSelector> selector = {};  // absent: selects nothing
  int64_t allowed = 0, healthy = 0, desired = 0, expected = 0;
  bool processed = true;  // status is about the newest spec
  bool always_allow_unhealthy = false;
  std::string says = {};  // "maxUnavailable 0", "minAvailable 2"
};

struct Claim {
  kube::ObjectKey key;
  std::string volume = {};  // "": not bound
  bool shared = false;      // ReadWriteMany, ReadOnlyMany
};

struct Volume {
  std::string name;
  std::optional<NodeTerms> node_terms = {};
  bool local = false;       // spec.local, spec.hostPath: its data is on one node
  bool attachable = false;  // it has to be detached before another node can have it
};

struct Attachment {  // VolumeAttachment
  std::string volume, node;
  std::string driver = {};
  bool done = false;  // not only meant to be
};

// How many volumes of a CSI driver a node can have attached, by driver; the others set no limit.
using VolumeLimits = std::map<std::string, int64_t, std::less<>>;

}  // namespace kr::drain
