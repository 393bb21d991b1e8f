#pragma once

#include <cstddef>
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
  DocumentPtr object;               // added, modified, deleted
  std::string resource_version;     // of the object or the bookmark
  bool initial_events_end = false;  // bookmark annotated k8s.io/initial-events-end (KEP-3157)
  std::string error;                // kError: the metav1.Status as JSON text
};

// One page of a list.
struct ListPage {
  std::string resource_version;
  std::string continue_token;
  std::vector<DocumentPtr> items;
};

// Turns JSON into Documents. Owns the parser and the pools that its Documents share (interned
// strings, shapes), which live as long as any Document of it. Engine thread only.
//
// Errors are InvalidArgument and say what is wrong where: text that is cut off or no JSON, nesting
// deeper than kMaxDepth, an object that is none or has no metadata, a Table (a server that did not
// honour Accept). ResourceExhausted for an object that is too large to be kept. Of equal keys in a
// map the last one wins. An unsigned integer beyond int64 becomes a double, and so does an integer
// beyond 64 bits.
class Decoder {
 public:
  Decoder();
  ~Decoder();

  static constexpr size_t kMaxDepth = 256;

  // `line` is one JSON document without the newline. With `padded` the caller promises
  // kPadding readable bytes behind it (their content does not matter), which saves a copy.
  static constexpr size_t kPadding = 64;
  StatusOr<WatchEvent> DecodeEvent(std::string_view line, const Projection::Ptr& projection,
                                   bool padded = false);
  // Items of a list mostly lack apiVersion and kind; they are left as they are.
  StatusOr<ListPage> DecodeList(std::string_view body, const Projection::Ptr& projection);
  StatusOr<DocumentPtr> DecodeObject(std::string_view body, const Projection::Ptr& projection);
  // Anything made as JSON inside the program, any JSON value. Null when it is nested deeper than
  // kMaxDepth or too large.
  DocumentPtr FromJson(const nlohmann::json& value,
                       const Projection::Ptr& projection = Projection::Everything());

  struct PoolStats {
    size_t interned_strings, interned_bytes, shapes, shared_nodes, shared_bytes;
  };
  PoolStats pool_stats() const;
  // The size of text that parser and buffers are kept ready for (the parser takes about ten times
  // that, mostly untouched). What a text over 512 KiB needed is given back at once.
  size_t ready_for() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace kr::document
