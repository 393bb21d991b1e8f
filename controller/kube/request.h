#pragma once

#include <optional>
#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include "controller/kube/http.h"
#include "controller/kube/resource.h"

// Requests to the API server, built as data (kube-rs' sans-IO idea): no sockets here.
namespace kr::kube {

struct ListOptions {
  std::string name_space;  // "" = all
  std::string field_selector;
  std::string label_selector;
  std::string resource_version;        // "" = consistent read
  std::string resource_version_match;  // "", NotOlderThan, Exact
  int limit = 0;
  std::string continue_token;
  bool metadata_only = false;  // PartialObjectMetadataList
};

struct WatchOptions {
  std::string name_space;
  std::string field_selector;
  std::string label_selector;
  std::string resource_version;
  bool send_initial_events = false;  // streaming list, KEP-3157
  int timeout_seconds = 300;
  bool metadata_only = false;
};

enum class PatchType { kMerge, kStrategic, kJson, kApply };

struct WriteOptions {
  bool dry_run = false;
  std::string field_manager;
  // Sent as ?timeout=: the server gives up executing after it (semantics: write permit). We wait
  // a second longer, for its answer.
  std::optional<absl::Duration> server_timeout;
  // kApply only: take fields over from other managers instead of answering 409.
  bool force = false;
};

struct DeleteOptions {
  std::string uid;               // precondition, "" = none
  std::string resource_version;  // precondition, "" = none
  std::string propagation;       // "", Background, Foreground, Orphan
  std::optional<int64_t> grace_period_seconds;
};

// `subresource` is "" for the object itself, otherwise "status", "scale", "eviction", ...
HttpRequest GetObject(const Resource& resource, const ObjectKey& key,
                      std::string_view subresource = "");
HttpRequest ListObjects(const Resource& resource, const ListOptions& options);
HttpRequest WatchObjects(const Resource& resource, const WatchOptions& options);
HttpRequest CreateObject(const Resource& resource, std::string_view name_space,
                         const nlohmann::json& object, const WriteOptions& options);
HttpRequest UpdateObject(const Resource& resource, const ObjectKey& key,
                         std::string_view subresource, const nlohmann::json& object,
                         const WriteOptions& options);
HttpRequest PatchObject(const Resource& resource, const ObjectKey& key,
                        std::string_view subresource, PatchType type, const nlohmann::json& patch,
                        const WriteOptions& options);
HttpRequest DeleteObject(const Resource& resource, const ObjectKey& key, const DeleteOptions& how,
                         const WriteOptions& options);

// Percent-encoding of a query value or path segment.
std::string Escape(std::string_view text);

}  // namespace kr::kube
