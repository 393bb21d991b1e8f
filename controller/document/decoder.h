#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "controller/document/document.h"

namespace kr::document {

// One line of a watch.
struct WatchEvent {
  enum class Type { kAdded, kModified, kDeleted, kBookmark, kError };
  Type type = Type::kBookmark;
  DocumentPtr object;            // added, modified, deleted
  std::string resource_version;  // of the object or the bookmark
  bool initial_events_end = false;  // bookmark annotated k8s.io/initial-events-end (KEP-3157)
  std::string error;             // kError: the metav1.Status as JSON text
};

// One page of a list.
struct ListPage {
  std::string resource_version;
  std::string continue_token;
  std::vector<DocumentPtr> items;
};

// Turns JSON into Documents. Owns the parser and the pools that its Documents share (interned
// strings, shapes), which live as long as any Document of it. Engine thread only.
class Decoder {
 public:
  Decoder();
  ~Decoder();

  // `line` is one JSON document without the newline. With `padded` the caller promises
  // kPadding readable bytes behind it (their content does not matter), which saves a copy.
  static constexpr size_t kPadding = 64;
  StatusOr<WatchEvent> DecodeEvent(std::string_view line, const Projection::Ptr& projection,
                                   bool padded = false);
  StatusOr<ListPage> DecodeList(std::string_view body, const Projection::Ptr& projection);
  StatusOr<DocumentPtr> DecodeObject(std::string_view body, const Projection::Ptr& projection);
  // Anything made as JSON inside the program; keeps everything.
  DocumentPtr FromJson(const nlohmann::json& object);

  struct PoolStats {
    size_t interned_strings, interned_bytes, shapes, shared_nodes;
  };
  PoolStats pool_stats() const;

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace kr::document
