#pragma once

#include <memory>

#include "controller/cache/reflector.h"
#include "controller/cache/store.h"
#include "controller/cache/watch_spec.h"

namespace kr::cache {

class Informer;

// Hears of the changes of informers. Calls come from inside an input of the engine: whoever hears
// them must not open or close informers there and then.
class InformerObserver {
 public:
  virtual ~InformerObserver() = default;
  virtual void OnChange(const Informer& informer, ObjectId id, const document::DocumentPtr& before,
                        const document::DocumentPtr& after) = 0;
  // A list is complete: what the store holds is what the server has.
  virtual void OnSynced(const Informer& informer) = 0;
  // Its reflector().status().problem is another than before.
  virtual void OnProblem(const Informer& /*informer*/) {}
  // Of an InformerSet: Find may answer otherwise than before. An informer that serves nobody any
  // more is closed only after this call, without a word about its objects: they are not gone.
  virtual void OnViewsChanged() {}
};

// A reflector with its store. Engine thread only.
class Informer final : private ReflectorSink, private StoreObserver {
 public:
  // `objects` and `observer` must outlive it.
  Informer(WatchSpec spec, const WatchState::Options& options, const WatchContext& context,
           ObjectTable& objects, InformerObserver& observer);

  void Start() { reflector_.Start(); }
  // Lists again under another projection. The store goes on serving, object by object in the new
  // form: documents name the projection that they were made with.
  void Reproject(document::Projection::Ptr projection, bool metadata_only);

  const WatchSpec& spec() const { return reflector_.spec(); }
  const Store& store() const { return store_; }
  const Reflector& reflector() const { return reflector_; }
  // Whether nothing that matters (semantics: StaleView) may be decided from the store: never
  // synced, relisting, or without connection for longer than `patience`.
  bool Stale(absl::Duration patience) const;
  // What all documents cover: the projection of the last complete list, or less while one is made
  // under a smaller one. Null before the first list.
  const document::Projection::Ptr& swept_projection() const { return swept_projection_; }

 private:
  void OnListBegin() override;
  void OnUpsert(document::DocumentPtr object) override;
  void OnDelete(document::DocumentPtr object) override;
  void OnVersion(std::string_view version) override;
  void OnListEnd(std::string_view version) override;
  void OnProblem() override;
  void OnChange(ObjectId id, const document::DocumentPtr& before,
                const document::DocumentPtr& after) override;

  InformerObserver& observer_;
  Store store_;
  document::Projection::Ptr swept_projection_;
  Reflector reflector_;
};

}  // namespace kr::cache
