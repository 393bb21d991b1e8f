#include "controller/cache/informer.h"

#include <utility>

#include <malloc.h>

namespace kr::cache {

using document::DocumentPtr;

Informer::Informer(WatchSpec spec, const WatchState::Options& options, const WatchContext& context,
                   ObjectTable& objects, InformerObserver& observer)
    : observer_(observer),
      store_(objects, *this),
      reflector_(std::move(spec), options, context, *this) {}

void Informer::Reproject(document::Projection::Ptr projection, bool metadata_only) {
  // From now on documents of both stand side by side.
  if (swept_projection_ != nullptr && !projection->Covers(*swept_projection_)) {
    swept_projection_ = swept_projection_->Covers(*projection) ? projection : nullptr;
  }
  reflector_.Restart(std::move(projection), metadata_only);
}

bool Informer::Stale(absl::Duration patience) const {
  return !store_.synced() || store_.relisting() || reflector_.status().disconnected_for > patience;
}

void Informer::OnListBegin() {
  store_.BeginList();
}

void Informer::OnUpsert(DocumentPtr object) {
  store_.Upsert(std::move(object));
}

void Informer::OnDelete(DocumentPtr object) {
  store_.Erase(object->name_space(), object->name());
}

void Informer::OnVersion(std::string_view version) {
  store_.SetVersion(version);
}

void Informer::OnListEnd(std::string_view version) {
  store_.EndList(version);
  swept_projection_ = reflector_.spec().projection;
  // Bytes that waited to be decoded, and documents that were replaced, have left holes in between
  // the documents that stay; nothing will need so much again before the next list.
  malloc_trim(0);
  observer_.OnSynced(*this);
}

void Informer::OnProblem() {
  observer_.OnProblem(*this);
}

void Informer::OnChange(ObjectId id, const DocumentPtr& before, const DocumentPtr& after) {
  observer_.OnChange(*this, id, before, after);
}

}  // namespace kr::cache
