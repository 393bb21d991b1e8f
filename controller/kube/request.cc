#include "controller/kube/request.h"

#include <nlohmann/json.hpp>

namespace kr::kube {
namespace {

constexpr std::string_view kJson = "application/json";
// The plain type at the end: an aggregated server that cannot transform answers with whole objects.
constexpr std::string_view kMetadata =
    "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json";
constexpr std::string_view kMetadataList =
    "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json";
// How much longer than the server's own limit we wait, so that its answer can arrive.
constexpr absl::Duration kAnswerSlack = absl::Seconds(1);

// A target under construction: the path, then "?a=b&c=d" in the order of the calls.
class Target {
 public:
  explicit Target(std::string path) : text_(std::move(path)) {}

  // Leaves out what is empty: the server's default.
  Target& Query(std::string_view name, std::string_view value) {
    if (value.empty()) return *this;
    text_.push_back(first_ ? '?' : '&');
    first_ = false;
    text_.append(name).append("=").append(Escape(value));
    return *this;
  }
  Target& Query(std::string_view name, bool value) { return Query(name, value ? "true" : ""); }
  // A literal would rather become a bool than a string_view.
  Target& Query(std::string_view name, const char* value) {
    return Query(name, std::string_view(value));
  }

  std::string Take() { return std::move(text_); }

 private:
  std::string text_;
  bool first_ = true;
};

std::string CollectionPath(const Resource& resource, std::string_view name_space) {
  std::string path = resource.gvk.group.empty() ? "/api/" : "/apis/" + resource.gvk.group + "/";
  path.append(resource.gvk.version);
  if (resource.namespaced && !name_space.empty()) {
    path.append("/namespaces/").append(Escape(name_space));
  }
  return path.append("/").append(resource.plural);
}

std::string ObjectPath(const Resource& resource, const ObjectKey& key,
                       std::string_view subresource) {
  std::string path = CollectionPath(resource, key.name_space) + "/" + Escape(key.name);
  if (!subresource.empty()) path.append("/").append(subresource);
  return path;
}

// Objects can carry what a user pasted; bytes that are not UTF-8 must not throw here.
std::string Dump(const nlohmann::json& json) {
  return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::string FormatTimeout(const WriteOptions& options) {
  if (!options.server_timeout) return "";
  // A third of a lease is often an odd number; nobody needs its nanoseconds in audit logs. Down,
  // because the server must not work longer than the permit lasts.
  return absl::FormatDuration(absl::Floor(*options.server_timeout, absl::Milliseconds(1)));
}

HttpRequest Write(std::string_view method, Target target, std::string_view content_type,
                  std::string body, const WriteOptions& options) {
  target.Query("dryRun", options.dry_run ? "All" : "");
  target.Query("fieldManager", options.field_manager);
  target.Query("timeout", FormatTimeout(options));
  HttpRequest request{.method = std::string(method),
                      .target = target.Take(),
                      .content_type = std::string(content_type),
                      .body = std::move(body)};
  if (options.server_timeout) request.timeout = *options.server_timeout + kAnswerSlack;
  return request;
}

std::string_view ContentType(PatchType type) {
  switch (type) {
    case PatchType::kMerge:
      return "application/merge-patch+json";
    case PatchType::kStrategic:
      return "application/strategic-merge-patch+json";
    case PatchType::kJson:
      return "application/json-patch+json";
    case PatchType::kApply:
      return "application/apply-patch+yaml";  // JSON is YAML, and this is the type's only name
  }
  return "";
}

}  // namespace

HttpRequest GetObject(const Resource& resource, const ObjectKey& key,
                      std::string_view subresource) {
  return {.target = ObjectPath(resource, key, subresource)};
}

HttpRequest ListObjects(const Resource& resource, const ListOptions& options) {
  Target target(CollectionPath(resource, options.name_space));
  target.Query("fieldSelector", options.field_selector)
      .Query("labelSelector", options.label_selector)
      .Query("resourceVersion", options.resource_version)
      .Query("resourceVersionMatch", options.resource_version_match)
      .Query("limit", options.limit > 0 ? std::to_string(options.limit) : "")
      .Query("continue", options.continue_token);
  return {.target = target.Take(),
          .accept = std::string(options.metadata_only ? kMetadataList : kJson)};
}

HttpRequest WatchObjects(const Resource& resource, const WatchOptions& options) {
  Target target(CollectionPath(resource, options.name_space));
  // Without bookmarks a streaming list never says that it is complete.
  target.Query("watch", true)
      .Query("allowWatchBookmarks", true)
      .Query("sendInitialEvents", options.send_initial_events)
      .Query("resourceVersionMatch", options.send_initial_events ? "NotOlderThan" : "")
      .Query("fieldSelector", options.field_selector)
      .Query("labelSelector", options.label_selector)
      .Query("resourceVersion", options.resource_version)
      .Query("timeoutSeconds", std::to_string(options.timeout_seconds));
  return {.target = target.Take(),
          .accept = std::string(options.metadata_only ? kMetadata : kJson)};
}

HttpRequest CreateObject(const Resource& resource, std::string_view name_space,
                         const nlohmann::json& object, const WriteOptions& options) {
  return Write("POST", Target(CollectionPath(resource, name_space)), kJson, Dump(object), options);
}

HttpRequest UpdateObject(const Resource& resource, const ObjectKey& key,
                         std::string_view subresource, const nlohmann::json& object,
                         const WriteOptions& options) {
  return Write("PUT", Target(ObjectPath(resource, key, subresource)), kJson, Dump(object), options);
}

HttpRequest PatchObject(const Resource& resource, const ObjectKey& key,
                        std::string_view subresource, PatchType type, const nlohmann::json& patch,
                        const WriteOptions& options) {
  Target target(ObjectPath(resource, key, subresource));
  if (type == PatchType::kApply) target.Query("force", options.force);
  return Write("PATCH", std::move(target), ContentType(type), Dump(patch), options);
}

HttpRequest DeleteObject(const Resource& resource, const ObjectKey& key, const DeleteOptions& how,
                         const WriteOptions& options) {
  nlohmann::json body = {{"apiVersion", "v1"}, {"kind", "DeleteOptions"}};
  if (!how.uid.empty()) body["preconditions"]["uid"] = how.uid;
  if (!how.resource_version.empty()) {
    body["preconditions"]["resourceVersion"] = how.resource_version;
  }
  if (!how.propagation.empty()) body["propagationPolicy"] = how.propagation;
  if (how.grace_period_seconds) body["gracePeriodSeconds"] = *how.grace_period_seconds;
  // The server reads either the body or the query, so everything but the timeout goes here; that it
  // is a dry run stands in both, because of a query audit logs and proxies know.
  if (options.dry_run) body["dryRun"] = nlohmann::json::array({"All"});
  return Write("DELETE", Target(ObjectPath(resource, key, "")), kJson, Dump(body),
               WriteOptions{.dry_run = options.dry_run, .server_timeout = options.server_timeout});
}

std::string Escape(std::string_view text) {
  static constexpr char kHex[] = "0123456789ABCDEF";
  static constexpr std::string_view kUnreserved =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
  std::string escaped;
  escaped.reserve(text.size());
  for (const char c : text) {
    if (kUnreserved.find(c) != std::string_view::npos) {
      escaped.push_back(c);
    } else {
      const unsigned char byte = static_cast<unsigned char>(c);
      escaped.append({'%', kHex[byte >> 4], kHex[byte & 0xf]});
    }
  }
  return escaped;
}

}  // namespace kr::kube
