#include "controller/kube/resource.h"

namespace kr::kube {

GroupVersionKind GroupVersionKind::FromApiVersion(std::string_view api_version,
                                                  std::string_view kind) {
  const std::size_t slash = api_version.find('/');
  if (slash == std::string_view::npos) {
    return {.group = "", .version = std::string(api_version), .kind = std::string(kind)};
  }
  return {.group = std::string(api_version.substr(0, slash)),
          .version = std::string(api_version.substr(slash + 1)),
          .kind = std::string(kind)};
}

std::string GroupVersionKind::ApiVersion() const {
  return group.empty() ? version : group + "/" + version;
}

}  // namespace kr::kube
