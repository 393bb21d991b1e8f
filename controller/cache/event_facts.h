#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "controller/document/document.h"
#include "controller/document/path.h"

namespace kr::cache {

// What core/v1 and events.k8s.io/v1 Events say, whichever of the two wrote them; read through
// core/v1, where a new-style recorder leaves lastTimestamp and count empty.
struct EventFacts {
  std::string uid;
  std::string type, reason, message;
  // The latest of lastTimestamp, series.lastObservedTime, eventTime, firstTimestamp and
  // creationTimestamp.
  absl::Time time = absl::InfinitePast();
  absl::Time first_time = absl::InfinitePast();  // firstTimestamp, eventTime or creationTimestamp
  int64_t count = 1;                             // max of count, series.count, 1

  // What it is about. The uid of a Node's event is not usable (kubernetes #29289).
  std::string about_api_version, about_kind, about_namespace, about_name, about_uid;
};

EventFacts FactsOf(const document::Document& event);
// All that FactsOf reads.
std::vector<document::Path> EventPaths();

}  // namespace kr::cache
