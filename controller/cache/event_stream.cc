#include "controller/cache/event_stream.h"

#include <utility>

namespace kr::cache {
namespace {

WatchState::Options StreamOnly(WatchState::Options options) {
  options.mode = WatchState::Mode::kStreamOnly;
  return options;
}

}  // namespace

EventStream::EventStream(WatchSpec spec, WatchState::Options options, const WatchContext& context,
                         Handler handler, std::function<void()> problem)
    : handler_(std::move(handler)),
      problem_(std::move(problem)),
      reflector_(std::move(spec), StreamOnly(std::move(options)), context, *this) {}

}  // namespace kr::cache
