#pragma once

#include <span>
#include <string>
#include <vector>

#include "controller/cache/watch_spec.h"
#include "controller/document/projection.h"
#include "controller/kube/resource.h"

namespace kr::cache {

// What somebody wants to read: fields of some objects of one kind.
struct Need {
  kube::Resource resource;
  std::vector<std::string> namespaces;  // empty: all
  std::vector<std::string> names;       // empty: all
  std::string label_selector;           // as the API server takes it; "" = all
  document::Projection::Ptr projection;
  // Secrets are watched without their data unless a need says that it names them on purpose.
  bool names_secret_data = false;
};

// More narrow watches of one kind than this are replaced by a wider one.
inline constexpr size_t kMaxNarrowWatches = 10;

// The scopes that `need` asks for when nobody else asks for anything: one per namespace; with a
// field selector when there is only one name.
std::vector<WatchScope> ScopesOf(const Need& need);

// What a need gets to see: its projection, of Secrets only the metadata unless it names their data.
// The rest stays Unprojected.
document::Projection::Ptr ServedProjection(const Need& need);

// The watches that serve all needs: as few and as narrow as possible. One name or a few namespaces
// get narrow watches, unless a wide one is needed anyway or they are too many; equal ones are
// merged, projections united. Sorted by scope; the order of needs does not matter. Pure.
std::vector<WatchSpec> PlanWatches(std::span<const Need> needs);

// Everything that either keeps.
document::Projection::Ptr Unite(const document::Projection::Ptr& a,
                                const document::Projection::Ptr& b);

}  // namespace kr::cache
