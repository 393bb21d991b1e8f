#include "reconcilers/sandbox/object_store.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "absl/strings/ascii.h"
#include "controller/kube/api_error.h"
#include "crds/v1alpha1/common.h"

namespace kr::sandbox {
namespace {

using nlohmann::json;

// Kinds without namespaces that policies are about; the others are taken for namespaced ones.
const std::set<std::string_view> kClusterScoped = {"Node",
                                                   "Namespace",
                                                   "PersistentVolume",
                                                   "StorageClass",
                                                   "ClusterRole",
                                                   "CSIDriver",
                                                   "CSINode",
                                                   "VolumeAttachment",
                                                   "PriorityClass",
                                                   "ClusterRoleBinding",
                                                   "IngressClass",
                                                   "APIService",
                                                   "RuntimeClass",
                                                   "CustomResourceDefinition",
                                                   "NodePool",
                                                   "NodeClaim",
                                                   "RemediationPolicy",
                                                   "Remediation",
                                                   "RemediationBudget",
                                                   "TargetBaseline",
                                                   "NodeCommand",
                                                   "NodeTask"};

std::vector<std::string> Split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  while (!text.empty()) {
    const size_t end = std::min(text.find(separator), text.size());
    if (end > 0) parts.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return parts;
}

std::string Unescape(std::string_view text) {
  std::string plain;
  for (size_t i = 0; i < text.size(); ++i) {
    unsigned value = 0;
    const char* digits = text.data() + i + 1;
    if (text[i] == '%' && i + 2 < text.size() &&
        std::from_chars(digits, digits + 2, value, 16).ptr == digits + 2) {
      plain += static_cast<char>(value);
      i += 2;
    } else {
      plain += text[i];
    }
  }
  return plain;
}

std::string Text(const json& object, const char* pointer) {
  const json::json_pointer at(pointer);
  return object.contains(at) && object[at].is_string() ? object[at].get<std::string>() : "";
}

std::string KeyOf(const json& object) {
  return Text(object, "/metadata/namespace") + "/" + Text(object, "/metadata/name");
}

std::string PathOf(const kube::GroupVersionKind& kind) {
  return kind.group.empty() ? "/api/" + kind.version : "/apis/" + kind.group + "/" + kind.version;
}

// As kubectl guesses.
std::string Plural(const std::string& kind) {
  const std::string lower = absl::AsciiStrToLower(kind);
  if (lower == "endpoints") return lower;
  if (lower.ends_with('s') || lower.ends_with('x') || lower.ends_with("ch")) return lower + "es";
  if (lower.ends_with('y') && lower.size() > 1 &&
      std::string_view("aeiou").find(lower[lower.size() - 2]) == std::string_view::npos) {
    return lower.substr(0, lower.size() - 1) + "ies";
  }
  return lower + "s";
}

kube::Reply Ok(const json& body, int code = 200) {
  return {.code = code,
          .body = body.dump(-1, ' ', false, json::error_handler_t::replace),
          .server_date = absl::InfinitePast()};
}

}  // namespace

Status Refusal(int code, std::string_view reason, std::string_view message) {
  const json status = {{"kind", "Status"},   {"apiVersion", "v1"}, {"status", "Failure"},
                       {"message", message}, {"reason", reason},   {"code", code}};
  return kube::ToStatus({.code = code, .headers = {}, .body = status.dump()});
}

bool Query::own() const {
  return collection.starts_with("/apis/" + std::string(crds::kGroup) + "/");
}

std::string Query::Option(const std::string& option) const {
  const auto found = options.find(option);
  return found == options.end() ? "" : found->second;
}

bool Query::Selects(const json& object) const {
  if (!name_space.empty() && name_space != Text(object, "/metadata/namespace")) return false;
  constexpr std::string_view kName = "metadata.name=";
  const std::string field = Option("fieldSelector");
  return !field.starts_with(kName) || field.substr(kName.size()) == Text(object, "/metadata/name");
}

Query Query::Parse(const std::string& target) {
  Query query;
  const size_t mark = std::min(target.find('?'), target.size());
  std::vector<std::string> path = Split(target.substr(0, mark), '/');
  for (const std::string& pair : Split(std::string_view(target).substr(mark), '&')) {
    const std::string_view text = std::string_view(pair).substr(pair.starts_with('?') ? 1 : 0);
    const size_t equals = std::min(text.find('='), text.size());
    query.options[std::string(text.substr(0, equals))] =
        Unescape(text.substr(std::min(equals + 1, text.size())));
  }
  const size_t root = !path.empty() && path[0] == "api" ? 2 : 3;
  query.discovery = path.size() <= root;
  for (size_t i = 0; i < std::min(root, path.size()); ++i) query.collection += "/" + path[i];
  if (query.discovery) return query;
  path.erase(path.begin(), path.begin() + static_cast<std::ptrdiff_t>(root));
  if (path.size() > 2 && path[0] == "namespaces") {
    query.name_space = Unescape(path[1]);
    path.erase(path.begin(), path.begin() + 2);
  }
  query.collection += "/" + path[0];
  if (path.size() > 1) query.name = Unescape(path[1]);
  if (path.size() > 2) query.subresource = path[2];
  return query;
}

Status ObjectStore::Put(json object) {
  const std::string api_version = Text(object, "/apiVersion");
  const std::string kind = Text(object, "/kind");
  const std::string name = Text(object, "/metadata/name");
  if (api_version.empty() || kind.empty() || name.empty()) {
    return InvalidArgument("an object needs apiVersion, kind and metadata.name");
  }
  const auto gvk = kube::GroupVersionKind::FromApiVersion(api_version, kind);
  Declare(gvk);
  const kube::Resource resource = ResourceOf(gvk);
  if (resource.namespaced && Text(object, "/metadata/namespace").empty()) {
    object["metadata"]["namespace"] = "default";
  }
  const std::string key = KeyOf(object);
  Store(PathOf(gvk) + "/" + resource.plural, key, std::move(object));
  return OkStatus();
}

void ObjectStore::Declare(const kube::GroupVersionKind& kind) {
  kinds_.emplace(kind, !kClusterScoped.contains(kind.kind));
}

kube::Resource ObjectStore::ResourceOf(const kube::GroupVersionKind& kind) const {
  return {kind, Plural(kind.kind), !kClusterScoped.contains(kind.kind)};
}

kube::Reply ObjectStore::Store(const std::string& collection, const std::string& key, json object) {
  Objects& objects = collections_[collection];
  const auto known = objects.find(key);
  json& metadata = object["metadata"];
  if (Text(object, "/metadata/uid").empty()) {
    metadata["uid"] = known != objects.end() ? Text(known->second, "/metadata/uid")
                                             : "sandbox-" + std::to_string(++last_uid_);
  }
  metadata["resourceVersion"] = std::to_string(++version_);
  changes_.push_back({known != objects.end() ? "MODIFIED" : "ADDED", collection, object});
  kube::Reply reply = Ok(object);
  objects[key] = std::move(object);
  return reply;
}

StatusOr<kube::Reply> ObjectStore::Answer(const kube::HttpRequest& request) {
  const Query query = Query::Parse(request.target);
  if (query.discovery) return Discover(request, query);
  if (request.method != "GET") return Write(request, query);
  if (query.name.empty()) {
    KR_ASSIGN_OR_RETURN(const std::vector<json> items, List(request));
    return Ok({{"kind", "List"}, {"metadata", {{"resourceVersion", version()}}}, {"items", items}});
  }
  const Objects& objects = collections_[query.collection];
  const auto found = objects.find(query.name_space + "/" + query.name);
  if (found != objects.end()) return Ok(found->second);
  if (upstream_ && !query.own()) return upstream_(request);
  return Refusal(404, "NotFound", query.collection + " \"" + query.name + "\" not found");
}

StatusOr<std::vector<json>> ObjectStore::List(const kube::HttpRequest& request) {
  const Query query = Query::Parse(request.target);
  std::vector<json> items;
  if (upstream_ && !query.own()) {
    KR_ASSIGN_OR_RETURN(const kube::Reply reply, upstream_(request));
    json list = json::parse(reply.body, nullptr, false);
    if (!list.is_object() || !list["items"].is_array()) {
      return Internal("the answer of the API server is no list");
    }
    for (json& item : list["items"]) items.push_back(std::move(item));
    return items;
  }
  const auto collection = collections_.find(query.collection);
  if (collection == collections_.end()) return items;
  for (const auto& [key, object] : collection->second) {
    if (query.Selects(object)) items.push_back(object);
  }
  return items;
}

std::vector<json> ObjectStore::Own(std::string_view plural) const {
  std::vector<json> objects;
  const auto collection =
      collections_.find("/apis/" + std::string(crds::kApiVersion) + "/" + std::string(plural));
  if (collection == collections_.end()) return objects;
  for (const auto& [key, object] : collection->second) objects.push_back(object);
  return objects;
}

StatusOr<kube::Reply> ObjectStore::Discover(const kube::HttpRequest& request, const Query& query) {
  if (upstream_) return upstream_(request);
  json resources = json::array();
  for (const auto& [kind, namespaced] : kinds_) {
    if (PathOf(kind) != query.collection) continue;
    resources.push_back({{"name", Plural(kind.kind)},
                         {"kind", kind.kind},
                         {"namespaced", namespaced},
                         {"verbs", {"get", "list", "watch", "patch"}}});
  }
  if (resources.empty()) return Refusal(404, "NotFound", "no such group");
  const std::string version = query.collection.substr(query.collection.find('/', 1) + 1);
  return Ok({{"kind", "APIResourceList"}, {"groupVersion", version}, {"resources", resources}});
}

StatusOr<kube::Reply> ObjectStore::Write(const kube::HttpRequest& request, const Query& query) {
  const bool dry_run = query.Option("dryRun") == "All";
  Objects& objects = collections_[query.collection];
  if (!query.own()) {
    // Nothing but questions ever leaves the sandbox.
    if (!dry_run) return Refusal(403, "Forbidden", "a sandbox writes nothing");
    if (upstream_) return upstream_(request);
    const auto found = objects.find(query.name_space + "/" + query.name);
    if (found != objects.end()) return Ok(found->second);
    return Refusal(404, "NotFound", "not found");
  }
  json body = json::parse(request.body, nullptr, false);
  if (request.method == "POST") {
    const std::string key = KeyOf(body);
    if (objects.contains(key)) return Refusal(409, "AlreadyExists", "it exists already");
    body.erase("status");
    body["metadata"]["generation"] = 1;
    body["metadata"]["creationTimestamp"] =
        absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", clock_.Now(), absl::UTCTimeZone());
    return Store(query.collection, key, std::move(body));
  }
  const std::string key = query.name_space + "/" + query.name;
  const auto found = objects.find(key);
  if (found == objects.end()) return Refusal(404, "NotFound", "not found");
  if (request.method == "DELETE") {
    ++version_;
    changes_.push_back({"DELETED", query.collection, found->second});
    objects.erase(found);
    return Ok({{"kind", "Status"}, {"status", "Success"}});
  }
  const std::string wanted = Text(body, "/metadata/resourceVersion");
  if (!wanted.empty() && wanted != Text(found->second, "/metadata/resourceVersion")) {
    return Refusal(409, "Conflict", "the object has been modified");
  }
  json after = found->second;
  if (request.method == "PUT" || query.subresource == "status") {
    if (request.method == "PUT") {
      after["status"] = body["status"];
    } else {
      after["status"].merge_patch(body["status"]);
    }
  } else {
    after.merge_patch(body);
  }
  return Store(query.collection, key, std::move(after));
}

}  // namespace kr::sandbox
