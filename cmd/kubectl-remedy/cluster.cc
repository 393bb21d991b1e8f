#include "cmd/kubectl-remedy/cluster.h"

#include <stop_token>
#include <utility>

#include <nlohmann/json.hpp>

#include "controller/kube/beast_transport.h"
#include "controller/kube/credentials.h"
#include "controller/kube/request.h"

namespace kr::cmd {
namespace {

using nlohmann::json;

constexpr absl::Duration kDeadline = absl::Seconds(30);
constexpr char kFieldManager[] = "kubectl-remedy";
constexpr int kPageSize = 500;

std::string Text(const json& object, const char* section, const char* key) {
  const json& value = object.value(json::json_pointer("/" + std::string(section)), json::object());
  const auto it = value.find(key);
  return it != value.end() && it->is_string() ? it->get<std::string>() : "";
}

// A Cluster with everything below it, in the order in which it is taken down again.
class Connection final : public Cluster {
 public:
  struct Parts {
    Parts(const kube::ClusterConfig& config, Clock& clock)
        : credentials(config, clock),
          transport(kube::MakeBeastTransport(credentials, clock)),
          client(kube::MakeClient(*transport, clock)) {}
    kube::Credentials credentials;
    std::unique_ptr<kube::Transport> transport;
    std::unique_ptr<kube::Client> client;
  };

  explicit Connection(std::unique_ptr<Parts> parts)
      : Cluster(*parts->client), parts_(std::move(parts)) {}
  std::string name_space() const override {
    const std::string& name = parts_->credentials.cluster().name_space;
    return name.empty() ? "default" : name;
  }

 private:
  std::unique_ptr<Parts> parts_;
};

}  // namespace

StatusOr<std::unique_ptr<Cluster>> Cluster::Connect(const kube::ConfigFlags& flags, Clock& clock) {
  KR_ASSIGN_OR_RETURN(const kube::ClusterConfig config,
                      kube::LoadClusterConfig(flags, kube::ProcessEnvironment()));
  return std::make_unique<Connection>(std::make_unique<Connection::Parts>(config, clock));
}

StatusOr<json> Cluster::Ask(kube::HttpRequest request) {
  request.timeout = kDeadline;
  KR_ASSIGN_OR_RETURN(const kube::Reply reply, client_.Send(request, std::stop_token()));
  json body = json::parse(reply.body, nullptr, false);
  if (!body.is_object()) return Internal("the answer of the API server is no object");
  return body;
}

StatusOr<kube::Resource> Cluster::Resolve(const kube::GroupVersionKind& gvk) {
  // All groups, then this one: whoever is not found after that is not there.
  for (int questions = 0;; ++questions) {
    const kube::RestMapper::Result result = mapper_.Find(gvk);
    if (result.state == kube::RestMapper::State::kFound) return result.resource;
    if (result.state == kube::RestMapper::State::kAbsent || questions == 3) return result.reason;
    kube::HttpRequest request = mapper_.RefreshRequest(gvk);
    request.timeout = kDeadline;
    mapper_.Absorb(request, client_.Send(request, std::stop_token()));
  }
}

StatusOr<std::string> Cluster::WhoAmI() {
  const kube::Resource reviews{
      {"authentication.k8s.io", "v1", "SelfSubjectReview"}, "selfsubjectreviews", false};
  KR_ASSIGN_OR_RETURN(
      const json review,
      Create(reviews, {{"apiVersion", "authentication.k8s.io/v1"}, {"kind", "SelfSubjectReview"}}));
  const json::json_pointer name("/status/userInfo/username");
  if (!review.contains(name) || !review[name].is_string()) {
    return Internal("the server does not say who we are");
  }
  return review[name].get<std::string>();
}

StatusOr<json> Cluster::Create(const kube::Resource& resource, const json& object) {
  return Ask(kube::CreateObject(resource, Text(object, "metadata", "namespace"), object,
                                {.field_manager = kFieldManager}));
}

Status Cluster::Delete(const kube::Resource& resource, const kube::ObjectKey& key) {
  const Status status = Ask(kube::DeleteObject(resource, key, {}, {})).status();
  return absl::IsNotFound(status) ? OkStatus() : status;
}

StatusOr<json> Cluster::Get(const kube::Resource& resource, const kube::ObjectKey& key) {
  return Ask(kube::GetObject(resource, key));
}

StatusOr<std::vector<json>> Cluster::List(const kube::Resource& resource) {
  std::vector<json> objects;
  kube::ListOptions options{.limit = kPageSize};
  do {
    KR_ASSIGN_OR_RETURN(json page, Ask(kube::ListObjects(resource, options)));
    for (json& item : page["items"]) objects.push_back(std::move(item));
    options.continue_token = Text(page, "metadata", "continue");
  } while (!options.continue_token.empty());
  return objects;
}

StatusOr<json> Cluster::Patch(const kube::Resource& resource, const json& object, json patch) {
  patch["metadata"]["uid"] = Text(object, "metadata", "uid");
  patch["metadata"]["resourceVersion"] = Text(object, "metadata", "resourceVersion");
  return Ask(kube::PatchObject(
      resource, {Text(object, "metadata", "namespace"), Text(object, "metadata", "name")}, "",
      kube::PatchType::kMerge, patch, {.field_manager = kFieldManager}));
}

}  // namespace kr::cmd
