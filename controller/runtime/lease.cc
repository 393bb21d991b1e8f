#include "controller/runtime/lease.h"

#include <nlohmann/json.hpp>

#include "controller/kube/request.h"
#include "crds/meta/time.h"

namespace kr::runtime {
namespace {

using nlohmann::json;

const kube::Resource& LeaseResource() {
  static const auto* const resource =
      new kube::Resource{{"coordination.k8s.io", "v1", "Lease"}, "leases", true};
  return *resource;
}

std::string StringField(const json& object, const char* name) {
  auto it = object.find(name);
  return it != object.end() && it->is_string() ? it->get<std::string>() : "";
}

int IntField(const json& object, const char* name) {
  auto it = object.find(name);
  return it != object.end() && it->is_number_integer() ? it->get<int>() : 0;
}

absl::Time TimeField(const json& object, const char* name) {
  return crds::ParseTime(StringField(object, name)).value_or(absl::InfinitePast());
}

void SetRecord(json& spec, const LeaseRecord& record) {
  spec["holderIdentity"] = record.holder;
  spec["leaseDurationSeconds"] = record.duration_seconds;
  spec["acquireTime"] = FormatMicroTime(record.acquire_time);
  spec["renewTime"] = FormatMicroTime(record.renew_time);
  spec["leaseTransitions"] = record.transitions;
}

}  // namespace

StatusOr<Lease> ParseLease(std::string_view text) {
  const json object = json::parse(text, nullptr, false);
  if (!object.is_object() || StringField(object, "kind") != "Lease") {
    return InvalidArgument("not a Lease");
  }
  Lease lease;
  lease.json = text;
  auto spec = object.find("spec");
  if (spec != object.end() && spec->is_object()) {
    lease.record = {.holder = StringField(*spec, "holderIdentity"),
                    .duration_seconds = IntField(*spec, "leaseDurationSeconds"),
                    .acquire_time = TimeField(*spec, "acquireTime"),
                    .renew_time = TimeField(*spec, "renewTime"),
                    .transitions = IntField(*spec, "leaseTransitions")};
  }
  return lease;
}

kube::HttpRequest GetLease(const kube::ObjectKey& key) {
  return kube::GetObject(LeaseResource(), key);
}

kube::HttpRequest CreateLease(const kube::ObjectKey& key, const LeaseRecord& record) {
  json object = {{"apiVersion", "coordination.k8s.io/v1"},
                 {"kind", "Lease"},
                 {"metadata", {{"namespace", key.name_space}, {"name", key.name}}}};
  SetRecord(object["spec"], record);
  return kube::CreateObject(LeaseResource(), key.name_space, object, {});
}

kube::HttpRequest UpdateLease(const kube::ObjectKey& key, const Lease& lease,
                              const LeaseRecord& record) {
  json object = json::parse(lease.json, nullptr, false);
  json& spec = object["spec"];
  if (!spec.is_object()) spec = json::object();
  SetRecord(spec, record);
  return kube::UpdateObject(LeaseResource(), key, "", object, {});
}

std::string FormatMicroTime(absl::Time time) {
  return absl::FormatTime("%Y-%m-%d%ET%H:%M:%E6SZ", time, absl::UTCTimeZone());
}

}  // namespace kr::runtime
