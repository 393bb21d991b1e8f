#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"

namespace kr::crds {

// Where in a JSON document something is: "spec.triggers[0].events.count". Cheap to extend while
// walking down: a path points at its parent, which must outlive it (parents live on the stack).
class FieldPath {
 public:
  explicit FieldPath(std::string_view root) : name_(root) {}

  FieldPath operator[](std::string_view name) const { return FieldPath(this, name); }
  FieldPath operator[](size_t index) const { return FieldPath(this, index); }
  std::string ToString() const;

 private:
  FieldPath(const FieldPath* parent, std::string_view name) : parent_(parent), name_(name) {}
  FieldPath(const FieldPath* parent, size_t index)
      : parent_(parent), index_(index), is_index_(true) {}

  const FieldPath* parent_ = nullptr;
  std::string_view name_;
  size_t index_ = 0;
  bool is_index_ = false;
};

// Collects what is wrong with a document, so that its author sees all of it at once.
class Problems {
 public:
  static constexpr size_t kMaxReported = 20;

  void Add(const FieldPath& path, std::string_view message);

  bool empty() const { return count_ == 0; }
  size_t count() const { return count_; }
  const std::vector<std::string>& reported() const { return reported_; }
  // OK, or InvalidArgument: "path: message; path: message; and 3 more".
  absl::Status ToStatus() const;

 private:
  std::vector<std::string> reported_;
  size_t count_ = 0;
};

}  // namespace kr::crds
