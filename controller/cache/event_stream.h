#pragma once

#include <functional>

#include "controller/cache/reflector.h"

namespace kr::cache {

// A watch without a store, for objects that are no state (core/v1 Events): each is handed on and
// forgotten. Begins at the present; after a gap that the server cannot fill (410) it begins at the
// present again. Engine thread only.
class EventStream final : private ReflectorSink {
 public:
  enum class Change { kUpserted, kDeleted };
  using Handler = std::function<void(Change, const document::DocumentPtr&)>;

  // `problem` is called when reflector().status().problem has become another.
  EventStream(
      WatchSpec spec, WatchState::Options options, const WatchContext& context, Handler handler,
      std::function<void()> problem = [] {});

  void Start() { reflector_.Start(); }
  void Reproject(document::Projection::Ptr projection) {
    reflector_.Restart(std::move(projection), /*metadata_only=*/false);
  }
  const Reflector& reflector() const { return reflector_; }

 private:
  void OnListBegin() override {}
  void OnUpsert(document::DocumentPtr object) override { handler_(Change::kUpserted, object); }
  void OnDelete(document::DocumentPtr object) override { handler_(Change::kDeleted, object); }
  void OnVersion(std::string_view) override {}
  void OnListEnd(std::string_view) override {}
  void OnProblem() override { problem_(); }

  Handler handler_;
  std::function<void()> problem_;
  Reflector reflector_;
};

}  // namespace kr::cache
