#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "controller/base/clock.h"
#include "controller/base/status.h"
#include "controller/kube/client.h"
#include "controller/kube/config.h"
#include "controller/kube/resource.h"
#include "controller/kube/rest_mapper.h"

namespace kr::cmd {

// The API server as a person uses it: one request after another, each with a deadline. Errors are
// the server's own sentences. Not thread-safe.
class Cluster {
 public:
  // Over a connection that is kept for it.
  explicit Cluster(kube::Client& client) : client_(client) {}
  virtual ~Cluster() = default;

  // From the kubeconfig, as kubectl would.
  static StatusOr<std::unique_ptr<Cluster>> Connect(const kube::ConfigFlags& flags, Clock& clock);

  // Where objects of a kind live; NotFound when the server does not know the kind.
  StatusOr<kube::Resource> Resolve(const kube::GroupVersionKind& gvk);
  // The user name that the server knows us by.
  StatusOr<std::string> WhoAmI();
  // Of the kubeconfig's context, "default" when it names none.
  virtual std::string name_space() const { return "default"; }
  kube::Client& client() { return client_; }

  StatusOr<nlohmann::json> Create(const kube::Resource& resource, const nlohmann::json& object);
  // OK also when it is gone already.
  Status Delete(const kube::Resource& resource, const kube::ObjectKey& key);
  StatusOr<nlohmann::json> Get(const kube::Resource& resource, const kube::ObjectKey& key);
  // All pages.
  StatusOr<std::vector<nlohmann::json>> List(const kube::Resource& resource);
  // A JSON merge patch; refused when the object is no longer what `object` shows.
  StatusOr<nlohmann::json> Patch(const kube::Resource& resource, const nlohmann::json& object,
                                 nlohmann::json patch);

 private:
  StatusOr<nlohmann::json> Ask(kube::HttpRequest request);

  kube::Client& client_;
  kube::RestMapper mapper_;
};

}  // namespace kr::cmd
