#include "crds/meta/problems.h"

#include "absl/strings/str_cat.h"
#include "crds/meta/text.h"

namespace kr::crds {

std::string FieldPath::ToString() const {
  std::string prefix = parent_ == nullptr ? "" : parent_->ToString();
  if (is_index_) return absl::StrCat(prefix, "[", index_, "]");
  if (prefix.empty()) return std::string(name_);
  return absl::StrCat(prefix, ".", ToAbsl(name_));
}

void Problems::Add(const FieldPath& path, std::string_view message) {
  if (++count_ > kMaxReported) return;
  const std::string where = path.ToString();
  reported_.push_back(where.empty() ? std::string(message)
                                    : absl::StrCat(where, ": ", ToAbsl(message)));
}

absl::Status Problems::ToStatus() const {
  if (empty()) return absl::OkStatus();
  std::string all;
  for (const std::string& problem : reported_) {
    absl::StrAppend(&all, all.empty() ? "" : "; ", problem);
  }
  if (count_ > reported_.size()) {
    absl::StrAppend(&all, "; and ", count_ - reported_.size(), " more");
  }
  return absl::InvalidArgumentError(all);
}

}  // namespace kr::crds
