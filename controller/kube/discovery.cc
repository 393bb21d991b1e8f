#include "controller/kube/discovery.h"

#include <simdjson.h>

namespace kr::kube {
namespace {

namespace dom = simdjson::dom;

std::string Text(const dom::element& object, const char* key) {
  std::string_view text;
  return object[key].get(text) == simdjson::SUCCESS ? std::string(text) : "";
}

// Nothing when there is no such list.
template <typename Visit>
void ForEach(const dom::element& object, const char* key, Visit visit) {
  dom::array list;
  if (object[key].get(list) != simdjson::SUCCESS) return;
  for (const dom::element item : list) visit(item);
}

bool IsWatchable(const dom::element& resource) {
  bool list = false;
  bool watch = false;
  ForEach(resource, "verbs", [&](const dom::element& verb) {
    std::string_view name;
    if (verb.get(name) != simdjson::SUCCESS) return;
    list = list || name == "list";
    watch = watch || name == "watch";
  });
  return list && watch;
}

StatusOr<dom::element> Parse(dom::parser& parser, std::string_view json) {
  dom::element root;
  const simdjson::error_code error = parser.parse(json.data(), json.size()).get(root);
  if (error != simdjson::SUCCESS) {
    return InvalidArgument(std::string("discovery document: ") + simdjson::error_message(error));
  }
  if (!root.is_object()) return InvalidArgument("discovery document: expected an object");
  return root;
}

}  // namespace

StatusOr<std::vector<DiscoveredVersion>> ParseAggregatedDiscovery(std::string_view json) {
  dom::parser parser;
  KR_ASSIGN_OR_RETURN(const dom::element root, Parse(parser, json));
  if (Text(root, "kind") != "APIGroupDiscoveryList") {
    return Unimplemented("the server has no aggregated discovery");
  }
  std::vector<DiscoveredVersion> versions;
  ForEach(root, "items", [&](const dom::element& group) {
    std::string_view name;
    if (group.at_pointer("/metadata/name").get(name) != simdjson::SUCCESS) name = "";
    ForEach(group, "versions", [&](const dom::element& version) {
      DiscoveredVersion& found = versions.emplace_back();
      found.group = name;
      found.version = Text(version, "version");
      found.current = Text(version, "freshness") != "Stale";
      ForEach(version, "resources", [&](const dom::element& resource) {
        std::string_view kind;
        if (resource.at_pointer("/responseKind/kind").get(kind) != simdjson::SUCCESS) return;
        found.kinds.push_back({.resource = {.gvk = {found.group, found.version, std::string(kind)},
                                            .plural = Text(resource, "resource"),
                                            .namespaced = Text(resource, "scope") == "Namespaced"},
                               .watchable = IsWatchable(resource)});
      });
    });
  });
  return versions;
}

StatusOr<DiscoveredVersion> ParseResourceList(std::string_view json) {
  dom::parser parser;
  KR_ASSIGN_OR_RETURN(const dom::element root, Parse(parser, json));
  if (Text(root, "kind") != "APIResourceList") {
    return InvalidArgument("discovery document: expected an APIResourceList");
  }
  const GroupVersionKind of = GroupVersionKind::FromApiVersion(Text(root, "groupVersion"), "");
  DiscoveredVersion found{.group = of.group, .version = of.version};
  ForEach(root, "resources", [&](const dom::element& resource) {
    const std::string plural = Text(resource, "name");
    if (plural.find('/') != std::string::npos) return;  // a subresource
    bool namespaced = false;
    if (resource["namespaced"].get(namespaced) != simdjson::SUCCESS) namespaced = false;
    found.kinds.push_back({.resource = {.gvk = {found.group, found.version, Text(resource, "kind")},
                                        .plural = plural,
                                        .namespaced = namespaced},
                           .watchable = IsWatchable(resource)});
  });
  return found;
}

}  // namespace kr::kube
