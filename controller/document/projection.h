#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "controller/document/path.h"

namespace kr::document {

struct TrieNode;  // internal, see trie.h

// Which fields of a kind's objects are kept: the union of the paths that anybody reads, as a trie.
// Immutable and shared. metadata.{name,namespace,uid,resourceVersion} are always kept.
//
// metadata.managedFields is never kept, whatever the paths say: reading it is unprojected.
//
// A field that is projected away must never look like an absent one, so every Document remembers
// its Projection and a lookup outside it answers kUnprojected.
class Projection {
 public:
  using Ptr = std::shared_ptr<const Projection>;

  // Keeps all but metadata.managedFields.
  static Ptr Everything();
  static Ptr Of(std::span<const Path> paths);

  ~Projection();

  // True when every path of `other` can be read from documents made with this projection.
  bool Covers(const Projection& other) const;
  // The same for one path. False for metadata.managedFields and below.
  bool Covers(const Path& path) const;
  // True when nothing outside metadata is read: a watch may ask for PartialObjectMetadata.
  bool MetadataOnly() const;
  // The paths, canonical (none implied by another or by identity) and sorted: parsed again they
  // make an equal projection, and equal projections have equal paths.
  std::vector<std::string> Paths() const;

  const TrieNode& root() const { return *root_; }

 private:
  explicit Projection(std::unique_ptr<TrieNode> root);
  std::unique_ptr<TrieNode> root_;
};

}  // namespace kr::document
