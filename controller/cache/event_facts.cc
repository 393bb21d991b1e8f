#include "controller/cache/event_facts.h"

#include <algorithm>

namespace kr::cache {
namespace {

using document::Kind;
using document::Node;

absl::Time TimeOf(const Node& node) {
  absl::Time time;
  std::string error;
  const std::string text = node.StringOr("");
  if (text.empty() || !absl::ParseTime(absl::RFC3339_full, text, &time, &error)) {
    return absl::InfinitePast();
  }
  return time;
}

int64_t IntOf(const Node& node) {
  return node.kind() == Kind::kInt ? node.AsInt() : 0;
}

// The first that is there.
absl::Time FirstOf(std::initializer_list<absl::Time> times) {
  for (const absl::Time time : times) {
    if (time != absl::InfinitePast()) return time;
  }
  return absl::InfinitePast();
}

}  // namespace

EventFacts FactsOf(const document::Document& event) {
  const Node root = event.root();
  const Node series = root.Field("series");
  const Node about = root.Field("involvedObject");
  const absl::Time event_time = TimeOf(root.Field("eventTime"));
  const absl::Time first = TimeOf(root.Field("firstTimestamp"));
  const absl::Time created = TimeOf(root.Field("metadata").Field("creationTimestamp"));

  EventFacts facts;
  facts.uid = event.uid();
  facts.type = root.Field("type").StringOr("");
  facts.reason = root.Field("reason").StringOr("");
  facts.message = root.Field("message").StringOr("");
  const absl::Time said = std::max({TimeOf(root.Field("lastTimestamp")),
                                    TimeOf(series.Field("lastObservedTime")), event_time, first});
  // An Event that is posted late tells of the past: its creation is no newer sighting.
  facts.time = FirstOf({said, created});
  facts.first_time = FirstOf({first, event_time, created});
  facts.count = std::max({IntOf(root.Field("count")), IntOf(series.Field("count")), int64_t{1}});
  facts.about_api_version = about.Field("apiVersion").StringOr("");
  facts.about_kind = about.Field("kind").StringOr("");
  facts.about_namespace = about.Field("namespace").StringOr("");
  facts.about_name = about.Field("name").StringOr("");
  facts.about_uid = about.Field("uid").StringOr("");
  return facts;
}

std::vector<document::Path> EventPaths() {
  std::vector<document::Path> paths;
  for (const char* text :
       {"metadata.creationTimestamp", "type", "reason", "message", "count", "firstTimestamp",
        "lastTimestamp", "eventTime", "series.count", "series.lastObservedTime",
        "involvedObject.apiVersion", "involvedObject.kind", "involvedObject.namespace",
        "involvedObject.name", "involvedObject.uid"}) {
    paths.push_back(*document::Path::Parse(text));
  }
  return paths;
}

}  // namespace kr::cache
