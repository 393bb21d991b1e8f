#include "tests/reconcilers/remediation/fake_api.h"

#include <algorithm>
#include <utility>

#include "controller/kube/api_error.h"
#include "tests/reconcilers/actions/fake_object.h"

namespace kr::remediation {
namespace {

using nlohmann::json;

kube::HttpResponse Answer(int code, const json& body) {
  return {.code = code, .headers = {}, .body = body.dump()};
}

kube::HttpResponse Refuse(int code, const std::string& reason,
                          const json& details = json::object()) {
  return Answer(code, {{"kind", "Status"},
                       {"details", details},
                       {"apiVersion", "v1"},
                       {"status", "Failure"},
                       {"reason", reason},
                       {"message", reason},
                       {"code", code}});
}

std::vector<std::string> Split(const std::string& text, char separator) {
  std::vector<std::string> parts;
  size_t begin = 0;
  for (size_t i = 0; i <= text.size(); ++i) {
    if (i < text.size() && text[i] != separator) continue;
    if (i > begin) parts.push_back(text.substr(begin, i - begin));
    begin = i + 1;
  }
  return parts;
}

// What discovery says about the groups that the tests use.
kube::HttpResponse Discovery(
    const std::string& path,
    const std::map<std::string, std::map<std::string, std::string>>& more) {
  const auto resource = [](const std::string& name, const std::string& kind,
                           bool namespaced = true) {
    return json{{"name", name},
                {"kind", kind},
                {"namespaced", namespaced},
                {"verbs", {"get", "list", "watch", "patch"}}};
  };
  if (path == "/api/v1") {
    return Answer(
        200, {{"kind", "APIResourceList"},
              {"groupVersion", "v1"},
              {"resources",
               {resource("pods", "Pod"), resource("configmaps", "ConfigMap"),
                resource("services", "Service"),
                resource("persistentvolumeclaims", "PersistentVolumeClaim"),
                resource("persistentvolumes", "PersistentVolume", false),
                resource("nodes", "Node", false), resource("namespaces", "Namespace", false)}}});
  }
  if (path == "/apis/apps/v1") {
    return Answer(200,
                  {{"kind", "APIResourceList"},
                   {"groupVersion", "apps/v1"},
                   {"resources",
                    {resource("daemonsets", "DaemonSet"), resource("deployments", "Deployment"),
                     resource("statefulsets", "StatefulSet")}}});
  }
  const auto found = more.find(path);
  if (found == more.end() || found->second.empty()) return Refuse(404, "NotFound");
  json resources = json::array();
  for (const auto& [plural, kind] : found->second) resources.push_back(resource(plural, kind));
  return Answer(200, {{"kind", "APIResourceList"},
                      {"groupVersion", path.substr(std::string("/apis/").size())},
                      {"resources", resources}});
}

std::string Version(const json& object) {
  const auto pointer = json::json_pointer("/metadata/resourceVersion");
  return object.contains(pointer) ? object[pointer].get<std::string>() : "";
}

}  // namespace

FakeApi::Target FakeApi::Parse(const std::string& target) {
  Target result;
  const size_t mark = target.find('?');
  result.dry_run = target.find("dryRun=All") != std::string::npos;
  std::vector<std::string> path = Split(target.substr(0, mark), '/');
  path.erase(path.begin(), path.begin() + (path[0] == "api" ? 2 : 3));
  if (path.size() > 2 && path[0] == "namespaces") {
    result.name_space = path[1];
    path.erase(path.begin(), path.begin() + 2);
  }
  result.plural = path[0];
  if (path.size() > 1) result.name = path[1];
  if (path.size() > 2) result.subresource = path[2];
  result.list = path.size() == 1;
  return result;
}

void FakeApi::Send(kube::HttpRequest request, Callback done, runtime::SendOptions options) {
  kube::HttpResponse response;
  Fault happens = Fault::kNone;
  const std::string path = request.target.substr(0, request.target.find('?'));
  const size_t depth = Split(path, '/').size();
  const bool discovery = depth <= (path.starts_with("/apis") ? 3u : 2u);
  if (request.method == "GET" && discovery) {
    response = Discovery(path, kinds);
  } else if (path.ends_with("/selfsubjectaccessreviews")) {
    ++reviews;
    const json asked = json::parse(request.body)["spec"]["resourceAttributes"];
    const json status = review ? review(asked) : json{{"allowed", true}};
    response =
        status.is_null() ? Refuse(503, "ServiceUnavailable") : Answer(201, {{"status", status}});
  } else {
    const Target target = Parse(request.target);
    const bool write = request.method != "GET" && !target.dry_run;
    if (write && fault) happens = fault({request.method, request.target, request.body});
    if (happens == Fault::kNone || happens == Fault::kLostAfter) {
      response = Execute(request, target, options);
    }
  }
  auto answer = [response = std::move(response), happens, done = std::move(done)]() mutable {
    switch (happens) {
      case Fault::kLostBefore:
      case Fault::kLostAfter:
        return std::move(done)(Unavailable("the connection broke"));
      case Fault::kThrottled:
        return std::move(done)(kube::ToStatus(Refuse(429, "TooManyRequests")));
      case Fault::kRejected:
        return std::move(done)(kube::ToStatus(Refuse(400, "BadRequest")));
      case Fault::kForbidden:
        return std::move(done)(kube::ToStatus(Refuse(403, "Forbidden")));
      case Fault::kInside:
        return std::move(done)(
            kube::Reply{.code = 201, .body = Refuse(500, "").body, .server_date = {}});
      case Fault::kNotSent:
        return std::move(done)(runtime::NotSent("no permit"));
      case Fault::kNone:
        break;
    }
    if (Status status = kube::ToStatus(response); !status.ok()) {
      return std::move(done)(std::move(status));
    }
    std::move(done)(kube::Reply{.code = response.code, .body = response.body, .server_date = {}});
  };
  if (latency > absl::ZeroDuration()) {
    engine_->After(latency, std::move(answer));
  } else {
    engine_->Post(1, std::move(answer));
  }
}

namespace {

size_t NumberIn(const std::string& target, const std::string& parameter) {
  const size_t at = target.find(parameter + "=");
  return at == std::string::npos ? 0 : std::stoul(target.substr(at + parameter.size() + 1));
}

// Of what is left after the page before: as many as the client wants.
json PageOf(json items, const std::string& target, const auto& version) {
  const size_t from = NumberIn(target, "continue");
  items.erase(items.begin(),
              items.begin() + static_cast<std::ptrdiff_t>(std::min(from, items.size())));
  json metadata = {{"resourceVersion", version}};
  const size_t limit = NumberIn(target, "limit");
  if (limit > 0 && items.size() > limit) {
    items.erase(items.begin() + static_cast<std::ptrdiff_t>(limit), items.end());
    metadata["continue"] = std::to_string(from + limit);
  }
  return {{"metadata", metadata}, {"items", std::move(items)}};
}

}  // namespace

kube::HttpResponse FakeApi::Execute(const kube::HttpRequest& request, const Target& target,
                                    const runtime::SendOptions& options) {
  if (request.method != "GET") return Write(request, target, options);
  if (target.list) {
    lists.push_back(request.target);
    json items = json::array();
    for (const auto& [key, object] : server_.Objects(target.plural)) {
      if (target.name_space.empty() || key.starts_with(target.name_space + "/")) {
        items.push_back(object);
      }
    }
    return Answer(200, PageOf(std::move(items), request.target, server_.version()));
  }
  ++reads[target.plural];
  const int refused = refuse_read ? refuse_read(request.target) : 0;
  if (refused != 0) return Refuse(refused, refused == 403 ? "Forbidden" : "InternalError");
  json storage;
  const json* object = Find(target, storage);
  return object == nullptr ? Refuse(404, "NotFound") : Answer(200, *object);
}

json* FakeApi::Find(const Target& target, json& storage) const {
  const json* found = server_.Find(target.plural, target.name_space + "/" + target.name);
  if (found == nullptr) return nullptr;
  storage = *found;
  return &storage;
}

kube::HttpResponse FakeApi::Write(const kube::HttpRequest& request, const Target& target,
                                  const runtime::SendOptions& options) {
  const json body = json::parse(request.body, nullptr, false);
  const bool removes = request.method == "DELETE" || target.subresource == "eviction";
  if (removes) return Remove(request, target, options);
  const bool applies = request.content_type.find("apply-patch") != std::string::npos;
  json before;
  json* existing = nullptr;
  Target key = target;
  if (request.method == "POST") key.name = body["metadata"]["name"];
  existing = Find(key, before);
  if (request.method == "POST" && existing != nullptr) return Refuse(409, "AlreadyExists");
  if (request.method != "POST" && existing == nullptr && !applies) return Refuse(404, "NotFound");

  json after;
  if (request.method == "POST") {
    after = body;
    after.erase("status");
    after["metadata"]["generation"] = 1;
    after["metadata"]["creationTimestamp"] = "2026-01-02T03:04:05Z";
  } else if (existing == nullptr) {
    after = body;
    after["metadata"]["generation"] = 1;
  } else {
    const std::string wanted = Version(body);
    if (!wanted.empty() && wanted != Version(before)) return Refuse(409, "Conflict");
    after = before;
    if (request.method == "PUT") {
      after["status"] = body["status"];
    } else if (request.content_type.find("json-patch") != std::string::npos) {
      try {
        after = before.patch(body);
      } catch (const json::exception&) {  // a test that does not hold
        return Refuse(422, "Invalid");
      }
    } else if (request.content_type.find("strategic") != std::string::npos) {
      actions::ApplyStrategic(after, body);
    } else {
      actions::ApplyMerge(after, body);
    }
    after["metadata"]["resourceVersion"] = Version(before);
    if (target.subresource == "status") {
      json only_status = before;
      only_status["status"] = after["status"];
      after = only_status;
    }
  }
  if (admit && target.subresource.empty() && after != before) {
    const std::string why = admit(target.plural, before, after);
    if (!why.empty()) return Refuse(422, "Invalid", {{"causes", {{{"message", why}}}}});
  }
  if (target.dry_run) {
    dry_runs_.push_back({request.method, request.target, request.body});
    const int refused = refuse_dry_run ? refuse_dry_run(dry_runs_.back()) : 0;
    // Of an apply: another manager owns a field of it.
    if (refused == 409) {
      return Refuse(409, "Conflict", {{"causes", {{{"reason", "FieldManagerConflict"}}}}});
    }
    return refused == 0 ? Answer(200, after) : Refuse(refused, "Invalid");
  }
  if (after == before && existing != nullptr) return Answer(200, after);
  const bool spec_changed = target.subresource != "status";
  if (spec_changed && existing != nullptr && after["spec"] != before["spec"]) {
    after["metadata"]["generation"] = before["metadata"].value("generation", 1) + 1;
  }
  const json& metadata = after["metadata"];
  if (metadata.contains("deletionTimestamp") &&
      metadata.value("finalizers", json::array()).empty()) {
    server_.Delete(target.plural, key.name_space, key.name);
    return Answer(200, after);
  }
  server_.Put(target.plural, after);
  writes_.push_back({request.method, request.target, request.body, spec_changed, request.timeout,
                     options.permit, options.patience});
  json stored;
  if (target.subresource == "scale") {
    return Answer(200, {{"kind", "Scale"}, {"metadata", (*Find(key, stored))["metadata"]}});
  }
  return Answer(request.method == "POST" ? 201 : 200, *Find(key, stored));
}

kube::HttpResponse FakeApi::Remove(const kube::HttpRequest& request, const Target& target,
                                   const runtime::SendOptions& send) {
  const json body = json::parse(request.body, nullptr, false);
  const bool evicts = target.subresource == "eviction";
  const json& options = evicts ? body["deleteOptions"] : body;
  json storage;
  const json* object = Find(target, storage);
  if (object == nullptr) return Refuse(404, "NotFound");
  const json uid = options.value(json::json_pointer("/preconditions/uid"), json());
  if (!uid.is_null() && uid != (*object)["metadata"]["uid"]) return Refuse(409, "Conflict");
  if (evicts && block_eviction) {
    if (const std::string why = block_eviction(target.name); !why.empty()) {
      return Answer(
          429, {{"kind", "Status"},
                {"status", "Failure"},
                {"reason", "TooManyRequests"},
                {"message", "Cannot evict pod."},
                {"details", {{"causes", {{{"reason", "DisruptionBudget"}, {"message", why}}}}}},
                {"code", 429}});
    }
  }
  // The server reads the body of a deletion or its query, never both.
  if (evicts ? target.dry_run : options.contains("dryRun")) {
    dry_runs_.push_back({request.method, request.target, request.body});
    const int refused = refuse_dry_run ? refuse_dry_run(dry_runs_.back()) : 0;
    if (refused != 0) return Refuse(refused, refused == 403 ? "Forbidden" : "Invalid");
    return Answer(200, {{"kind", "Status"}, {"status", "Success"}});
  }
  writes_.push_back({request.method, request.target, request.body, true, request.timeout,
                     send.permit, send.patience});
  if (evict && target.plural == "pods") {
    evict(target.name_space + "/" + target.name);
  } else if ((*object)["metadata"].value("finalizers", json::array()).empty()) {
    server_.Delete(target.plural, target.name_space, target.name);
  } else {
    storage["metadata"]["deletionTimestamp"] = "2026-01-02T03:04:05Z";
    server_.Put(target.plural, storage);
  }
  return Answer(evicts ? 201 : 200, {{"kind", "Status"}, {"status", "Success"}});
}

}  // namespace kr::remediation
