#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "absl/time/time.h"
#include "controller/base/clock.h"
#include "controller/base/random.h"
#include "controller/base/status.h"
#include "controller/cache/connectivity.h"
#include "controller/cache/flow_control.h"
#include "controller/cache/line_splitter.h"
#include "controller/cache/watch_counters.h"
#include "controller/cache/watch_spec.h"
#include "controller/cache/watch_state.h"
#include "controller/document/decoder.h"
#include "controller/kube/http.h"

namespace kr::cache {

class StreamReader;

// What a reflector has understood, on the engine thread.
class ReflectorSink {
 public:
  virtual ~ReflectorSink() = default;
  virtual void OnListBegin() = 0;
  virtual void OnUpsert(document::DocumentPtr object) = 0;
  virtual void OnDelete(document::DocumentPtr object) = 0;
  // A bookmark, or after OnUpsert and OnDelete the version of that event.
  virtual void OnVersion(std::string_view version) = 0;
  virtual void OnListEnd(std::string_view version) = 0;
  // status().problem is another than before.
  virtual void OnProblem() {}
};

// What the parts of a watch need from outside. All must outlive them.
struct WatchContext {
  kube::StreamTransport& transport;
  FlowControl& flow;
  Clock& clock;
  Random& random;  // engine thread
  document::Decoder& decoder;
  WatchMeter* meter = nullptr;  // nobody counts
};

// How a stream does.
struct StreamStatus {
  bool connected = false;
  // Zero when connected.
  absl::Duration disconnected_for;
  // Between the beginning of a list and its end.
  bool listing = false;
  // Why it is not as it should be; OK when it is. NotFound: the server does not know the resource
  // (any more), PermissionDenied: we may not read it.
  Status problem;
  MonotonicTime problem_since;
};

// Keeps one watch going, for ever: sends what WatchState says, decodes what comes and hands it on.
// Bytes are read and cut into lines on the stream thread (StreamReader); everything else, the
// state machine included, happens on the engine thread, because the version to go on from is only
// known once the lines before have been decoded.
//
// Engine thread only. Destroying it ends the stream; inputs still queued are ignored.
class Reflector {
 public:
  Reflector(WatchSpec spec, const WatchState::Options& options, const WatchContext& context,
            ReflectorSink& sink);
  ~Reflector();
  Reflector(const Reflector&) = delete;
  Reflector& operator=(const Reflector&) = delete;

  void Start();
  // Lists again, from now on with this projection.
  void Restart(document::Projection::Ptr projection, bool metadata_only);

  const WatchSpec& spec() const { return spec_; }
  StreamStatus status() const;
  const Connectivity& connectivity() const { return connectivity_; }

  const WatchCounters& counters() const { return counters_; }

 private:
  class Self;

  // What the reader reports; `stream` is the number of the stream that it belongs to.
  void OnUp(uint64_t stream, MonotonicTime at);
  void OnLines(uint64_t stream, LineBatch lines);
  void OnBody(uint64_t stream, const std::string& body);
  void OnEnded(uint64_t stream, const Status& status, absl::Duration lifetime, MonotonicTime at);
  void OnTimer(uint64_t stream, bool guard);

  void Apply(std::string_view line);
  void Feed(const WatchInput& input);
  void Do(const WatchStep& step);
  void OpenWatch(const WatchCommand& command);
  void OpenList(const WatchCommand& command);
  void After(absl::Duration delay, bool guard);
  void Report(const Status& problem);
  void Meter();

  WatchSpec spec_;
  const WatchContext context_;
  ReflectorSink& sink_;
  WatchState state_;
  Connectivity connectivity_;
  Status problem_;
  MonotonicTime problem_since_;
  WatchCounters counters_;
  WatchCounters metered_;      // what the meter knows of them
  uint64_t stream_ = 0;        // number of the stream or wait under way
  bool version_only_ = false;  // the list under way is asked for its version alone
  absl::Duration guard_;
  std::shared_ptr<Self> self_;
  std::shared_ptr<StreamReader> reader_;
};

}  // namespace kr::cache
