#include "crds/meta/object_meta.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace kr::crds {

std::string ObjectReference::ToString() const {
  return name_space.empty() ? absl::StrCat(kind, " ", name)
                            : absl::StrCat(kind, " ", name_space, "/", name);
}

bool ObjectMeta::HasFinalizer(std::string_view finalizer) const {
  return std::find(finalizers.begin(), finalizers.end(), finalizer) != finalizers.end();
}

}  // namespace kr::crds
