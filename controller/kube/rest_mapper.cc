#include "controller/kube/rest_mapper.h"

#include <algorithm>

#include "controller/kube/request.h"

namespace kr::kube {
namespace {

constexpr absl::Duration kFirstRetry = absl::Seconds(5);
constexpr absl::Duration kLastRetry = absl::Minutes(2);

constexpr std::string_view kCoreRoot = "/api";
constexpr std::string_view kGroupsRoot = "/apis";

std::string VersionPath(std::string_view group, std::string_view version) {
  const std::string root = group.empty() ? "/api/" : "/apis/" + Escape(group) + "/";
  return root + Escape(version);
}

// The same sentence whether the version is missing or only its kind: it stands in a policy's
// status.
RestMapper::Result NoSuchKind(const GroupVersionKind& gvk) {
  return {.state = RestMapper::State::kAbsent,
          .reason = NotFound("the cluster has no kind " + gvk.kind + " in " + gvk.ApiVersion())};
}

}  // namespace

RestMapper::Result RestMapper::Find(const GroupVersionKind& gvk) const {
  const auto it = versions_.find(VersionPath(gvk.group, gvk.version));
  if (it != versions_.end()) {
    const Version& version = it->second;
    if (const auto kind = version.kinds.find(gvk.kind); kind != version.kinds.end()) {
      if (kind->second.watchable) {
        return {.state = State::kFound, .resource = kind->second.resource};
      }
      return {.state = State::kAbsent,
              .reason = FailedPrecondition(gvk.kind + " in " + gvk.ApiVersion() +
                                           " cannot be listed and watched")};
    }
    if (!version.error.ok()) return {.state = State::kUnknown, .reason = version.error};
    if (version.known) return NoSuchKind(gvk);
  }
  const Root& root = roots_[gvk.group.empty()];
  if (root.state == Root::State::kAnswered) return NoSuchKind(gvk);
  return {
      .state = State::kUnknown,
      .reason = root.error.ok() ? Unavailable("discovery has not been answered yet") : root.error};
}

HttpRequest RestMapper::RefreshRequest(const GroupVersionKind& gvk) const {
  const bool core = gvk.group.empty();
  if (roots_[core].state == Root::State::kUntried) {
    return {.target = std::string(core ? kCoreRoot : kGroupsRoot),
            .accept = std::string(kAggregatedDiscoveryAccept)};
  }
  return {.target = VersionPath(gvk.group, gvk.version)};
}

void RestMapper::Absorb(const HttpRequest& request, const StatusOr<Reply>& reply) {
  for (const bool core : {false, true}) {
    if (request.target == (core ? kCoreRoot : kGroupsRoot)) return AbsorbRoot(core, reply);
  }
  AbsorbVersion(request.target, reply);
}

void RestMapper::AbsorbRoot(bool core, const StatusOr<Reply>& reply) {
  Root& root = roots_[core];
  ++root.questions;
  if (!reply.ok()) {
    // A stand-alone API server has no /apis at all, an old one does not know the Accept header.
    const bool unsupported =
        absl::IsNotFound(reply.status()) || absl::IsInvalidArgument(reply.status());
    root.state = unsupported ? Root::State::kUnsupported : Root::State::kUntried;
    root.error = unsupported ? OkStatus() : Annotate(reply.status(), "discovery");
    return;
  }
  StatusOr<std::vector<DiscoveredVersion>> versions = ParseAggregatedDiscovery(reply->body);
  if (!versions.ok()) {
    root.state = Root::State::kUnsupported;
    root.error = OkStatus();
    return;
  }
  root.state = Root::State::kAnswered;
  root.error = OkStatus();
  for (DiscoveredVersion& version : *versions) {
    const std::string path = VersionPath(version.group, version.version);
    Learn(path, std::move(version));
  }
}

void RestMapper::AbsorbVersion(const std::string& path, const StatusOr<Reply>& reply) {
  ++versions_[path].questions;
  if (absl::IsNotFound(reply.status())) return Learn(path, {});
  Status error = reply.status();
  if (reply.ok()) {
    StatusOr<DiscoveredVersion> discovered = ParseResourceList(reply->body);
    if (discovered.ok()) return Learn(path, *std::move(discovered));
    error = discovered.status();
  }
  // Whatever else it is: not knowing. What was found before stays.
  versions_[path].error = Annotate(error, "discovery of " + path);
}

void RestMapper::Learn(const std::string& path, DiscoveredVersion discovered) {
  Version& version = versions_[path];
  if (!discovered.current) {
    version.error = Unavailable("the server behind " + path + " does not answer");
    return;
  }
  std::map<std::string, DiscoveredKind> kinds;
  for (DiscoveredKind& kind : discovered.kinds) {
    const auto [it, fresh] = kinds.try_emplace(kind.resource.gvk.kind, kind);
    // Several resources can answer with one kind; the one that can be watched is the object.
    if (!fresh && !it->second.watchable && kind.watchable) it->second = std::move(kind);
  }
  if (kinds.size() > version.kinds.size()) version.questions = 0;
  version.kinds = std::move(kinds);
  version.error = OkStatus();
  version.known = true;
}

absl::Duration RestMapper::RetryDelay(const GroupVersionKind& gvk) const {
  const Root& root = roots_[gvk.group.empty()];
  const auto it = versions_.find(VersionPath(gvk.group, gvk.version));
  int asked = it == versions_.end() ? 0 : it->second.questions;
  // That the server has no aggregated discovery was no answer about this kind.
  if (root.state != Root::State::kUnsupported) asked += root.questions;
  if (asked == 0) return absl::ZeroDuration();
  absl::Duration delay = kFirstRetry;
  for (int i = 1; i < asked && delay < kLastRetry; ++i) delay *= 2;
  return std::min(delay, kLastRetry);
}

}  // namespace kr::kube
