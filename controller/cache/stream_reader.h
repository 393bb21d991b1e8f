#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "controller/base/clock.h"
#include "controller/cache/flow_control.h"
#include "controller/cache/line_splitter.h"
#include "controller/kube/http.h"

namespace kr::cache {

// What a StreamReader reports; called on the engine thread, through its queue. `stream` is the
// number that the stream was opened under.
class StreamSink {
 public:
  virtual ~StreamSink() = default;
  // A watch was answered with 2xx.
  virtual void OnUp(uint64_t stream, MonotonicTime at) = 0;
  virtual void OnLines(uint64_t stream, LineBatch lines) = 0;
  // A list was answered completely.
  virtual void OnBody(uint64_t stream, std::string body) = 0;
  // Everything else: the end of a watch (OK), an answer that was not 2xx (with its ApiError), no
  // answer, or a part of one. ResourceExhausted without ApiError: more than is held in memory.
  virtual void OnEnded(uint64_t stream, Status status, absl::Duration lifetime,
                       MonotonicTime at) = 0;
};

// The half of a reflector that lives on the stream thread: one stream at a time, cut into lines or
// collected whole, and passed on with back-pressure. It knows nothing of what it carries.
class StreamReader final : public kube::StreamHandler,
                           public std::enable_shared_from_this<StreamReader> {
 public:
  enum class Shape { kLines, kBody };
  static constexpr size_t kMaxBody = size_t{64} << 20;
  static constexpr size_t kMaxErrorBody = size_t{1} << 20;

  // `transport`, `flow` and `clock` must outlive it. Inputs that arrive when `sink` has expired
  // are dropped; only the engine thread locks it.
  StreamReader(kube::StreamTransport& transport, FlowControl& flow, Clock& clock,
               std::weak_ptr<StreamSink> sink)
      : transport_(transport), flow_(flow), clock_(clock), sink_(std::move(sink)) {}

  // Any thread. Replaces the stream that was open before; nothing is reported of it any more that
  // is not already in the queue.
  void Open(uint64_t number, kube::HttpRequest request, absl::Duration hard_stop, Shape shape);
  void Close();
  // Any thread. Runs `input` on the engine thread after `delay`.
  void After(absl::Duration delay, std::function<void(StreamSink&)> input);

  // kube::StreamHandler
  void OnHeaders(const kube::HttpResponse& headers) override;
  void OnData(std::string_view bytes) override;
  void OnEnd(const Status& status) override;

 private:
  void OpenNow(uint64_t number, const kube::HttpRequest& request, absl::Duration hard_stop,
               Shape shape);
  void End(Status status);
  void Collect(std::string_view bytes, size_t limit);
  void Send(size_t weight, absl::AnyInvocable<void(StreamSink&)> input);

  kube::StreamTransport& transport_;
  FlowControl& flow_;
  Clock& clock_;
  const std::weak_ptr<StreamSink> sink_;

  // Stream thread only.
  uint64_t number_ = 0;
  Shape shape_ = Shape::kLines;
  bool ended_ = true;  // reported; what still comes is ignored
  bool paused_ = false;
  MonotonicTime opened_;
  kube::HttpResponse answer_;
  std::unique_ptr<LineSplitter> splitter_;
  std::unique_ptr<kube::Stream> stream_;
};

}  // namespace kr::cache
