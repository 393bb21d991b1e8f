#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "controller/base/clock.h"
#include "controller/kube/client.h"
#include "controller/kube/resource.h"

namespace kr::sandbox {

// A request to the API server, taken apart.
struct Query {
  std::string collection;  // "/apis/apps/v1/daemonsets", whatever the namespace
  std::string name_space, name, subresource;
  std::map<std::string, std::string> options;

  bool discovery = false;  // /api, /apis, /apis/apps/v1: `collection` is the path
  bool own() const;        // of kube-remedy.io
  std::string Option(const std::string& name) const;
  // Namespace and the field selector metadata.name; label selectors narrow nothing.
  bool Selects(const nlohmann::json& object) const;

  static Query Parse(const std::string& target);
};

// The objects of a cluster that exists in this process only. What kube-remedy writes about itself
// is kept here; of everything else only what was put in, or, with an upstream, what a real API
// server says: that is read, asked by dry-run, and never written. Not thread-safe.
class ObjectStore {
 public:
  // Sends a read or a dry-run to a real cluster.
  using Upstream = std::function<StatusOr<kube::Reply>(const kube::HttpRequest&)>;
  struct Change {
    std::string type;  // of the watch event
    std::string collection;
    nlohmann::json object;
  };

  ObjectStore(const Clock& clock, Upstream upstream)
      : clock_(clock), upstream_(std::move(upstream)) {}

  // Creates or replaces, by apiVersion, kind and name; a uid is made up where there is none.
  // InvalidArgument when one of these is missing.
  Status Put(nlohmann::json object);
  // A kind that nobody has put in an object of exists, too.
  void Declare(const kube::GroupVersionKind& kind);
  // Where such a kind lives here; plural and scope of foreign kinds are what is usual.
  kube::Resource ResourceOf(const kube::GroupVersionKind& kind) const;

  // Any request but a watch.
  StatusOr<kube::Reply> Answer(const kube::HttpRequest& request);
  // A list as what a watch begins with.
  StatusOr<std::vector<nlohmann::json>> List(const kube::HttpRequest& request);
  // Everything that happened, in order: a watch remembers how many it has seen.
  const std::vector<Change>& changes() const { return changes_; }
  std::string version() const { return std::to_string(version_); }
  // Without upstream: no server checks anything.
  bool alone() const { return !upstream_; }
  // Own objects, by name.
  std::vector<nlohmann::json> Own(std::string_view plural) const;

 private:
  using Objects = std::map<std::string, nlohmann::json>;  // by "namespace/name"
  StatusOr<kube::Reply> Discover(const kube::HttpRequest& request, const Query& query);
  StatusOr<kube::Reply> Write(const kube::HttpRequest& request, const Query& query);
  kube::Reply Store(const std::string& collection, const std::string& key, nlohmann::json object);

  const Clock& clock_;
  const Upstream upstream_;
  uint64_t version_ = 1000;
  uint64_t last_uid_ = 0;
  std::map<std::string, Objects> collections_;
  std::map<kube::GroupVersionKind, bool> kinds_;  // whether namespaced
  std::vector<Change> changes_;
};

// An answer of the API server that says no.
Status Refusal(int code, std::string_view reason, std::string_view message);

}  // namespace kr::sandbox
