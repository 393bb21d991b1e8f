#include "reconcilers/agent/identity_claim.h"

#include <nlohmann/json.hpp>

#include "absl/strings/escaping.h"
#include "absl/strings/string_view.h"
#include "controller/kube/request.h"
#include "crds/meta/json_find.h"

namespace kr::agent {
namespace {

// Of config/admission/node_tasks.yaml.
constexpr char kBinding[] = "kube-remedy-node-task-status";

}  // namespace

StatusOr<std::string> NodeClaim(std::string_view token) {
  const size_t first = token.find('.');
  const size_t second = first == std::string_view::npos ? first : token.find('.', first + 1);
  if (second == std::string_view::npos) return InvalidArgument("the token is no JSON Web Token");
  const std::string_view payload = token.substr(first + 1, second - first - 1);
  std::string text;
  if (!absl::WebSafeBase64Unescape(absl::string_view(payload.data(), payload.size()), &text)) {
    return InvalidArgument("the token's claims are not base64");
  }
  const nlohmann::json claims = nlohmann::json::parse(text, nullptr, false);
  if (!claims.is_object()) return InvalidArgument("the token's claims are not JSON");
  return crds::FindText(claims, {"kubernetes.io", "node", "name"});
}

Status CheckAdmission(kube::Client& client, absl::Duration timeout, std::stop_token stop) {
  kube::HttpRequest request =
      kube::GetObject({{"admissionregistration.k8s.io", "v1", "ValidatingAdmissionPolicyBinding"},
                       "validatingadmissionpolicybindings",
                       false},
                      {"", kBinding});
  request.timeout = timeout;
  const Status found = client.Send(request, std::move(stop)).status();
  if (!absl::IsNotFound(found)) return found;
  return FailedPrecondition("ValidatingAdmissionPolicyBinding " + std::string(kBinding) +
                            " is not installed: without it nobody could trust what is reported");
}

}  // namespace kr::agent
