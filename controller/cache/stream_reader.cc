#include "controller/cache/stream_reader.h"

#include <utility>

#include "controller/kube/api_error.h"

namespace kr::cache {
namespace {

// What an input without payload weighs in the engine's queue.
constexpr size_t kInputBytes = 128;

bool Success(int code) {
  return code >= 200 && code < 300;
}

}  // namespace

void StreamReader::Open(uint64_t number, kube::HttpRequest request, absl::Duration hard_stop,
                        Shape shape) {
  transport_.Post([self = shared_from_this(), number, request = std::move(request), hard_stop,
                   shape] { self->OpenNow(number, request, hard_stop, shape); });
}

void StreamReader::Close() {
  transport_.Post([self = shared_from_this()] {
    self->ended_ = true;
    self->stream_.reset();
  });
}

void StreamReader::After(absl::Duration delay, std::function<void(StreamSink&)> input) {
  transport_.Post(
      [self = shared_from_this(), input = std::move(input)] { self->Send(kInputBytes, input); },
      delay);
}

void StreamReader::OpenNow(uint64_t number, const kube::HttpRequest& request,
                           absl::Duration hard_stop, Shape shape) {
  stream_.reset();
  number_ = number;
  shape_ = shape;
  ended_ = false;
  paused_ = false;
  opened_ = clock_.Monotonic();
  answer_ = {};
  splitter_ = std::make_unique<LineSplitter>();
  stream_ = transport_.Open(request, hard_stop, *this);
}

void StreamReader::OnHeaders(const kube::HttpResponse& headers) {
  if (ended_) return;
  answer_ = headers;
  answer_.body.clear();
  if (!Success(answer_.code) || shape_ != Shape::kLines) return;
  Send(kInputBytes,
       [number = number_, at = clock_.Monotonic()](StreamSink& sink) { sink.OnUp(number, at); });
}

void StreamReader::OnData(std::string_view bytes) {
  if (ended_) return;
  if (!Success(answer_.code)) return Collect(bytes, kMaxErrorBody);
  if (shape_ == Shape::kBody) return Collect(bytes, kMaxBody);

  StatusOr<std::optional<LineBatch>> lines = splitter_->Feed(bytes);
  if (!lines.ok()) return End(lines.status());
  if (!lines->has_value()) return;
  const size_t weight = (*lines)->bytes();
  Send(weight, [number = number_, batch = *std::move(*lines)](StreamSink& sink) mutable {
    sink.OnLines(number, std::move(batch));
  });
}

void StreamReader::Collect(std::string_view bytes, size_t limit) {
  if (answer_.body.size() + bytes.size() > limit) {
    return End(ResourceExhausted("the answer is larger than " + std::to_string(limit) + " bytes"));
  }
  answer_.body.append(bytes);
}

void StreamReader::OnEnd(const Status& status) {
  if (ended_) return;
  if (answer_.code != 0 && !Success(answer_.code)) return End(kube::ToStatus(answer_));
  if (!status.ok() || shape_ == Shape::kLines) return End(status);
  ended_ = true;
  const size_t weight = answer_.body.size();
  Send(weight, [number = number_, body = std::exchange(answer_.body, {})](
                   StreamSink& sink) mutable { sink.OnBody(number, std::move(body)); });
}

void StreamReader::End(Status status) {
  ended_ = true;
  answer_ = {};
  const MonotonicTime now = clock_.Monotonic();
  Send(kInputBytes, [number = number_, status = std::move(status), lifetime = now - opened_,
                     now](StreamSink& sink) { sink.OnEnded(number, status, lifetime, now); });
  // Not here: this may be called from inside the stream that it would destroy.
  transport_.Post([self = shared_from_this(), number = number_] {
    if (self->number_ == number) self->stream_.reset();
  });
}

void StreamReader::Send(size_t weight, absl::AnyInvocable<void(StreamSink&)> input) {
  const bool pause = flow_.Post(weight, [sink = sink_, input = std::move(input)]() mutable {
    if (const auto alive = sink.lock()) input(*alive);
  });
  if (!pause || paused_ || ended_ || stream_ == nullptr) return;
  paused_ = true;
  stream_->Pause();
  flow_.WhenDrained([weak = weak_from_this(), number = number_] {
    const auto self = weak.lock();
    if (self == nullptr || self->number_ != number || self->stream_ == nullptr) return;
    self->paused_ = false;
    self->stream_->Resume();
  });
}

}  // namespace kr::cache
