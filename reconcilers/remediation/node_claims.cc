#include "reconcilers/remediation/node_claims.h"

#include <utility>

#include "crds/meta/time.h"
#include "reconcilers/limits/kured_lock.h"

namespace kr::remediation {
namespace {

using document::Document;
using document::DocumentPtr;
using document::Node;
using policy::Watches;
using State = Watches::Readiness::State;
using Found = std::optional<limits::Refusal>;

// kured's manifests and its chart call it so; who calls it otherwise reboots
// unseen.
constexpr char kKured[] = "kured";

std::vector<document::Path> Paths(std::initializer_list<const char*> texts) {
  std::vector<document::Path> paths;
  for (const char* text : texts) paths.push_back(*document::Path::Parse(text));
  return paths;
}

Watches::Extra Maintenances() {
  return {.gvk = {"nodemaintenance.medik8s.io", "v1beta1", "NodeMaintenance"},
          .paths = Paths({"spec.nodeName", "spec.reason"})};
}

Watches::Extra Kured() {
  static const std::string lock = "metadata.annotations['" + std::string(limits::kKuredLock) + "']";
  return {.gvk = {"apps", "v1", "DaemonSet"}, .names = {kKured}, .paths = Paths({lock.c_str()})};
}

// What is there; nullopt when the cluster has no such kind.
StatusOr<std::optional<cache::View>> ViewOf(const Watches& watches, const Watches::Extra& extra) {
  Watches::ExtraView found = watches.Find(extra);
  if (found.readiness.state == State::kInactive) return std::nullopt;
  if (found.readiness.state == State::kReady) return std::move(found.view);
  const std::string message = "it is not known whether a " + extra.gvk.kind +
                              " claims the node: " + found.readiness.message;
  if (found.readiness.state == State::kDenied) return PermissionDenied(message);
  return Unavailable(message);
}

limits::Refusal Claimed(std::string message, absl::Time until = absl::InfiniteFuture()) {
  return {limits::Reason::kForeignMaintenance, std::move(message), until};
}

std::string NameOf(std::string_view kind, const Document& object) {
  std::string name(kind);
  name += ' ';
  if (!object.name_space().empty()) name += std::string(object.name_space()) + "/";
  return name + std::string(object.name());
}

Found InMaintenance(const cache::View& view, std::string_view node) {
  Found found;
  view.ForEach([&](cache::ObjectId, const DocumentPtr& object) {
    if (found || object->At("spec.nodeName").StringOr("") != node) return;
    const std::string reason = object->At("spec.reason").StringOr("");
    found =
        Claimed("Node " + std::string(node) + " has " + NameOf("NodeMaintenance", *object) +
                ": medik8s has it in maintenance" + (reason.empty() ? "" : " (" + reason + ")"));
  });
  return found;
}

std::optional<absl::Time> TimeAt(const Document& object, std::string_view path) {
  absl::Time time;
  std::string error;
  const std::string text = object.At(path).StringOr("");
  if (!absl::ParseTime(absl::RFC3339_full, text, &time, &error)) return std::nullopt;
  return time;
}

Found Leased(const Document& lease, std::string_view node, absl::Time now) {
  const std::string holder = lease.At("spec.holderIdentity").StringOr("");
  if (holder.empty()) return std::nullopt;
  const Node seconds = lease.At("spec.leaseDurationSeconds");
  const auto renewed = TimeAt(lease, "spec.renewTime");
  // Who says neither holds it until it is taken away.
  const absl::Time until = renewed && seconds.kind() == document::Kind::kInt
                               ? *renewed + absl::Seconds(seconds.AsInt())
                               : absl::InfiniteFuture();
  if (now >= until) return std::nullopt;
  return Claimed("Node " + std::string(node) + " has " + NameOf("Lease", lease) + ", held by \"" +
                     holder + "\"" +
                     (until == absl::InfiniteFuture() ? "" : " until " + crds::FormatTime(until)) +
                     ": an operator of medik8s is at work on it",
                 until);
}

Found Locked(const cache::View& view, std::string_view node, absl::Time now) {
  Found found;
  view.ForEach([&](cache::ObjectId, const DocumentPtr& object) {
    if (found || object->name() != kKured) return;
    const Node value = object->At("metadata.annotations").Field(limits::kKuredLock);
    if (!value.is_string()) return;
    const std::string where =
        NameOf("DaemonSet", *object) + " has metadata.annotations['" + limits::kKuredLock + "']";
    const auto locks = limits::ParseKuredLock(value.StringOr(""));
    if (!locks.ok()) {
      found = Claimed(where + ", which cannot be understood (" +
                      std::string(Message(locks.status())) + "): kured may be rebooting any node");
      return;
    }
    for (const limits::KuredLock& lock : *locks) {
      if (lock.node != node || now >= lock.expires) continue;
      found = Claimed(where + " for node " + lock.node + ": kured is rebooting it", lock.expires);
      return;
    }
  });
  return found;
}

}  // namespace

Watches::Extra NodeClaims::Leases() const {
  return {.gvk = {"coordination.k8s.io", "v1", "Lease"},
          .namespaces = {medik8s_leases_},
          .paths = Paths({"spec.holderIdentity", "spec.leaseDurationSeconds", "spec.renewTime"})};
}

std::vector<Watches::Extra> NodeClaims::Needs() const {
  return {Maintenances(), Leases(), Kured()};
}

StatusOr<Found> NodeClaims::Find(const Watches& watches, std::string_view node,
                                 absl::Time now) const {
  KR_ASSIGN_OR_RETURN(const auto maintenances, ViewOf(watches, Maintenances()));
  if (maintenances) {
    if (auto found = InMaintenance(*maintenances, node)) return found;
  }
  KR_ASSIGN_OR_RETURN(const auto leases, ViewOf(watches, Leases()));
  if (leases) {
    const DocumentPtr lease = leases->Find(medik8s_leases_, "node-" + std::string(node));
    if (lease) {
      if (auto found = Leased(*lease, node, now)) return found;
    }
  }
  KR_ASSIGN_OR_RETURN(const auto kured, ViewOf(watches, Kured()));
  return kured ? Locked(*kured, node, now) : std::nullopt;
}

}  // namespace kr::remediation
