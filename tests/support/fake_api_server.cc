#include "tests/support/fake_api_server.h"

#include <algorithm>
#include <utility>

namespace kr::testing {
namespace {

using nlohmann::json;
using Opened = FakeStreamTransport::Opened;

std::string KeyOf(std::string_view plural, std::string_view name_space, std::string_view name) {
  return std::string(plural) + "/" + std::string(name_space) + "/" + std::string(name);
}

std::string NamespaceOf(const json& object) {
  const auto& metadata = object["metadata"];
  return metadata.contains("namespace") ? metadata["namespace"].get<std::string>() : "";
}

std::string NameOf(const json& object) {
  return object["metadata"]["name"].get<std::string>();
}

uint64_t Number(const std::string& version) {
  return version.empty() ? 0 : std::stoull(version);
}

std::string Unescape(std::string_view text) {
  std::string plain;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size()) {
      plain += static_cast<char>(std::stoi(std::string(text.substr(i + 1, 2)), nullptr, 16));
      i += 2;
    } else {
      plain += text[i];
    }
  }
  return plain;
}

std::vector<std::string> Split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  while (true) {
    const size_t end = text.find(separator);
    parts.emplace_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

}  // namespace

std::string FakeApiServer::Query::Option(const std::string& option) const {
  const auto found = options.find(option);
  return found == options.end() ? "" : found->second;
}

bool FakeApiServer::Query::Selects(const json& object) const {
  return (name_space.empty() || name_space == NamespaceOf(object)) &&
         (name.empty() || name == NameOf(object));
}

FakeApiServer::Query FakeApiServer::Parse(const std::string& target) {
  Query query;
  const size_t mark = target.find('?');
  const std::vector<std::string> path = Split(target.substr(0, mark), '/');
  query.plural = path.back();
  if (path.size() > 3 && path[path.size() - 3] == "namespaces") {
    query.name_space = path[path.size() - 2];
  }
  if (mark != std::string::npos) {
    for (const std::string& pair : Split(std::string_view(target).substr(mark + 1), '&')) {
      const size_t equals = pair.find('=');
      query.options[pair.substr(0, equals)] = Unescape(pair.substr(equals + 1));
    }
  }
  const std::string field = query.Option("fieldSelector");
  if (field.rfind("metadata.name=", 0) == 0) query.name = field.substr(field.find('=') + 1);
  return query;
}

std::string FakeApiServer::Put(const std::string& plural, json object) {
  json& stored = objects_[KeyOf(plural, NamespaceOf(object), NameOf(object))];
  json& metadata = object["metadata"];
  const bool exists = !stored.is_null();
  if (!metadata.contains("uid")) {
    metadata["uid"] = exists ? stored["metadata"]["uid"].get<std::string>()
                             : "uid-" + std::to_string(++last_uid_);
  }
  metadata["resourceVersion"] = std::to_string(++version_);
  history_.push_back({version_, exists ? "MODIFIED" : "ADDED", plural, object});
  stored = std::move(object);
  return version();
}

void FakeApiServer::Delete(const std::string& plural, std::string_view name_space,
                           std::string_view name) {
  const auto found = objects_.find(KeyOf(plural, name_space, name));
  if (found == objects_.end()) return;
  json object = std::move(found->second);
  objects_.erase(found);
  object["metadata"]["resourceVersion"] = std::to_string(++version_);
  history_.push_back({version_, "DELETED", plural, std::move(object)});
}

void FakeApiServer::Bookmark() {
  for (Watch& watch : watches_) {
    Deliver(watch);
    SendEvent(*watch.stream, "BOOKMARK", BookmarkOf(watch.query, /*end_of_list=*/false));
  }
}

void FakeApiServer::Compact() {
  for (Watch& watch : watches_) Deliver(watch);  // what is open misses nothing
  compacted_ = version_;
  history_.clear();
  continuations_.clear();
}

void FakeApiServer::Restore(const Backup& backup) {
  for (Watch& watch : watches_) Deliver(watch);
  version_ = backup.version;
  objects_ = backup.objects;
  Compact();
  CutAll(OkStatus());
}

void FakeApiServer::CutAll(const Status& status) {
  for (Watch& watch : std::exchange(watches_, {})) transport_.End(*watch.stream, status);
}

std::map<std::string, json> FakeApiServer::Objects(const std::string& plural) const {
  std::map<std::string, json> result;
  const std::string prefix = plural + "/";
  for (auto it = objects_.lower_bound(prefix);
       it != objects_.end() && it->first.starts_with(prefix); ++it) {
    result[it->first.substr(prefix.size())] = it->second;
  }
  return result;
}

const json* FakeApiServer::Find(const std::string& plural, const std::string& key) const {
  const auto found = objects_.find(plural + "/" + key);
  return found == objects_.end() ? nullptr : &found->second;
}

void FakeApiServer::Serve() {
  for (; served_ < transport_.opened(); ++served_) {
    if (transport_.stream(served_).open) Answer(transport_.stream(served_));
  }
  for (Watch& watch : watches_) Deliver(watch);
  std::erase_if(watches_, [](const Watch& watch) { return !watch.stream->open; });
}

void FakeApiServer::Answer(Opened& stream) {
  const Query query = Parse(stream.request.target);
  const bool watch = query.Option("watch") == "true" || query.Option("watch") == "1";
  ++(watch ? watches : lists);
  if (!refusals.empty()) {
    const kube::HttpResponse refusal = std::move(refusals.front());
    refusals.pop_front();
    transport_.Answer(stream, refusal.code, refusal.body, refusal.headers);
  } else if (unserved.contains(query.plural)) {
    Refuse(stream, 404, "NotFound");
  } else if (watch) {
    StartWatch(stream, query);
  } else {
    List(stream, query);
  }
}

void FakeApiServer::Freeze(const std::string& plural) {
  for (Watch& watch : watches_) Deliver(watch);  // until now nothing is missing
  frozen_[plural] = TakeBackup();
}

uint64_t FakeApiServer::VersionOf(const std::string& plural) const {
  const auto frozen = frozen_.find(plural);
  return frozen == frozen_.end() ? version_ : frozen->second.version;
}

std::vector<json> FakeApiServer::Select(const Query& query) const {
  std::vector<json> selected;
  const auto frozen = frozen_.find(query.plural);
  const std::string prefix = query.plural + "/";
  for (const auto& [key, object] : frozen == frozen_.end() ? objects_ : frozen->second.objects) {
    if (!key.starts_with(prefix)) continue;
    if (query.Selects(object)) selected.push_back(object);
  }
  return selected;
}

void FakeApiServer::List(Opened& stream, const Query& query) {
  Continuation page{VersionOf(query.plural), {}};
  const std::string token = query.Option("continue");
  if (Number(query.Option("resourceVersion")) > version_) {
    return Refuse(stream, 504, "Timeout", "ResourceVersionTooLarge");
  }
  if (token.empty()) {
    page.rest = Select(query);
  } else {
    const auto found = continuations_.find(token);
    if (found == continuations_.end()) return Refuse(stream, 410, "Expired");
    page = found->second;
  }
  json list = {{"kind", "List"}, {"metadata", {{"resourceVersion", std::to_string(page.version)}}}};
  list["items"] = json::array();
  const size_t limit =
      query.Option("limit").empty() ? page.rest.size() : Number(query.Option("limit"));
  const size_t count = std::min(limit, page.rest.size());
  for (size_t i = 0; i < count; ++i) list["items"].push_back(page.rest[i]);
  page.rest.erase(page.rest.begin(), page.rest.begin() + static_cast<std::ptrdiff_t>(count));
  if (!page.rest.empty()) {
    const std::string next = "token-" + std::to_string(page.version) + "-" + query.plural + "-" +
                             std::to_string(page.rest.size());
    list["metadata"]["continue"] = next;
    continuations_[next] = std::move(page);
  }
  transport_.Headers(stream, 200);
  SendBytes(stream, list.dump());
  transport_.End(stream);
}

void FakeApiServer::StartWatch(Opened& stream, const Query& query) {
  const uint64_t from = Number(query.Option("resourceVersion"));
  const bool initial = query.Option("sendInitialEvents") == "true";
  if (initial) {
    ++streaming_lists;
    if (streaming == Streaming::kRejected) return Refuse(stream, 422, "Invalid");
    if (from > version_ && streaming == Streaming::kSupported) {
      return Refuse(stream, 504, "Timeout", "ResourceVersionTooLarge");
    }
  }
  transport_.Headers(stream, 200);
  if (initial && streaming == Streaming::kEventError) {
    SendEvent(stream, "ERROR", Failure(500, "InternalError", ""));
    return transport_.End(stream);
  }
  const bool list = (initial && streaming == Streaming::kSupported) || from == 0;
  if (!list && from < compacted_) {
    SendEvent(stream, "ERROR", Failure(410, "Expired", ""));
    return transport_.End(stream);
  }
  if (list) {
    for (const json& object : Select(query)) SendEvent(stream, "ADDED", object);
    if (initial && streaming == Streaming::kSupported) {
      SendEvent(stream, "BOOKMARK", BookmarkOf(query, /*end_of_list=*/true));
    }
  }
  watches_.push_back({&stream, query, list ? VersionOf(query.plural) : from});
}

void FakeApiServer::Deliver(Watch& watch) {
  if (frozen_.contains(watch.query.plural)) return;
  for (const Change& change : history_) {
    if (change.version <= watch.from || !watch.stream->open) continue;
    watch.from = change.version;
    if (change.plural == watch.query.plural && watch.query.Selects(change.object)) {
      SendEvent(*watch.stream, change.type, change.object);
    }
  }
}

void FakeApiServer::SendEvent(Opened& stream, std::string_view type, const json& object) {
  SendBytes(stream, json{{"type", type}, {"object", object}}.dump() + "\n");
}

void FakeApiServer::SendBytes(Opened& stream, std::string_view bytes) {
  while (!bytes.empty()) {
    const auto size = 1 + static_cast<size_t>(random_.Uniform() * static_cast<double>(max_piece));
    transport_.Data(stream, bytes.substr(0, size));
    bytes.remove_prefix(std::min(size, bytes.size()));
  }
}

void FakeApiServer::Refuse(Opened& stream, int code, std::string_view reason,
                           std::string_view cause) {
  transport_.Answer(stream, code, Failure(code, reason, cause).dump());
}

json FakeApiServer::Failure(int code, std::string_view reason, std::string_view cause) {
  json status = {{"kind", "Status"},     {"apiVersion", "v1"}, {"status", "Failure"},
                 {"message", "refused"}, {"reason", reason},   {"code", code}};
  if (!cause.empty()) status["details"]["causes"] = json::array({json{{"reason", cause}}});
  return status;
}

json FakeApiServer::BookmarkOf(const Query& query, bool end_of_list) const {
  json metadata = {{"resourceVersion", std::to_string(VersionOf(query.plural))}};
  if (end_of_list) metadata["annotations"] = {{"k8s.io/initial-events-end", "true"}};
  return {{"kind", query.plural}, {"metadata", metadata}};
}

}  // namespace kr::testing
