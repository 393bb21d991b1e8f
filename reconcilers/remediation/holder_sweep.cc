#include "reconcilers/remediation/holder_sweep.h"

#include <utility>
#include <vector>

#include <nlohmann/json.hpp>
#include <simdjson.h>

#include "controller/base/log.h"
#include "controller/kube/request.h"
#include "reconcilers/actions/action.h"
#include "reconcilers/actions/change.h"
#include "reconcilers/actions/holders.h"
#include "reconcilers/node/resources.h"

namespace kr::remediation {

using nlohmann::json;

namespace {

// Neither all Nodes at once nor whole: an operator that watches little takes 3 MB.
kube::HttpRequest PageOfNodes(const std::string& continue_token) {
  return kube::ListObjects(node::NodeResource(),
                           {.limit = 100, .continue_token = continue_token, .metadata_only = true});
}

struct Page {
  std::vector<json> held;  // nodes that somebody holds
  std::string more;        // where the next page begins; empty: nowhere
};

// Nothing else is made a document of: nearly all nodes are free, and most of their metadata says
// whose a field is. Nothing for what is no list.
Page ParsePage(std::string_view body) {
  Page page;
  simdjson::dom::parser parser;
  simdjson::dom::element list;
  if (parser.parse(body.data(), body.size()).get(list) != simdjson::SUCCESS) return page;
  std::string_view more;
  if (list["metadata"]["continue"].get(more) == simdjson::SUCCESS) page.more = more;
  simdjson::dom::array items;
  if (list["items"].get(items) != simdjson::SUCCESS) return page;
  for (const simdjson::dom::element item : items) {
    simdjson::dom::element holders;
    const auto found = item["metadata"]["annotations"][actions::kHoldersAnnotation].get(holders);
    if (found != simdjson::SUCCESS) continue;
    page.held.push_back(json::parse(simdjson::minify(item), nullptr, /*allow_exceptions=*/false));
  }
  return page;
}

}  // namespace

HolderSweep::HolderSweep(const Options& options, runtime::Engine& engine, runtime::ApiSender& api,
                         Exists exists)
    : options_(options),
      engine_(engine),
      api_(api),
      exists_(std::move(exists)),
      self_(std::make_shared<HolderSweep*>(this)) {}

void HolderSweep::Start() {
  List(++round_);
}

void HolderSweep::List(int64_t round) {
  api_.Send(PageOfNodes(""), [weak = std::weak_ptr(self_), round](StatusOr<kube::Reply> reply) {
    if (auto self = weak.lock()) (*self)->OnList(round, std::move(reply));
  });
}

void HolderSweep::OnList(int64_t round, StatusOr<kube::Reply> reply) {
  if (round != round_) return;
  if (!reply.ok()) {
    // Whoever may not list nodes has no policy that holds one.
    if (!absl::IsPermissionDenied(reply.status())) Again(round, "");
    return;
  }
  const Page page = ParsePage(reply->body);
  for (const json& node : page.held) {
    if (actions::OrphansPatch(node, exists_).is_null()) continue;
    Mend(round, actions::FindText(node, {"metadata", "name"}));
  }
  if (page.more.empty()) return;
  api_.Send(PageOfNodes(page.more),
            [weak = std::weak_ptr(self_), round](StatusOr<kube::Reply> next) {
              if (auto self = weak.lock()) (*self)->OnList(round, std::move(next));
            });
}

// The list has only the metadata: neither the taints nor the cordon.
void HolderSweep::Mend(int64_t round, const std::string& node) {
  api_.Send(kube::GetObject(node::NodeResource(), {"", node}),
            [weak = std::weak_ptr(self_), round, node](StatusOr<kube::Reply> reply) {
              if (auto self = weak.lock()) (*self)->OnNode(round, node, std::move(reply));
            });
}

void HolderSweep::OnNode(int64_t round, const std::string& node, StatusOr<kube::Reply> reply) {
  if (round != round_ || absl::IsNotFound(reply.status())) return;
  if (!reply.ok()) return Again(round, node);
  const json live = json::parse(reply->body, nullptr, /*allow_exceptions=*/false);
  json patch = actions::OrphansPatch(live, exists_);
  if (patch.is_null()) return;
  patch["metadata"]["uid"] = actions::FindText(live, {"metadata", "uid"});
  patch["metadata"]["resourceVersion"] = actions::FindText(live, {"metadata", "resourceVersion"});
  kube::HttpRequest request = kube::PatchObject(
      node::NodeResource(), {"", node}, "", kube::PatchType::kMerge, patch,
      {.field_manager = actions::kFieldManager, .server_timeout = options_.write_timeout});
  request.timeout = options_.write_timeout;
  api_.Send(std::move(request),
            [weak = std::weak_ptr(self_), round, node](StatusOr<kube::Reply> answer) {
              auto self = weak.lock();
              if (!self || round != (*self)->round_ || absl::IsNotFound(answer.status())) return;
              // Whatever became of it shows in the node.
              if (!answer.ok()) return (*self)->Again(round, node);
              log::Warning("Gave a node back that was held for remediations which are gone",
                           {{"node", node}});
            },
            {.permit = runtime::PermitNeed::kWrite});
}

void HolderSweep::Again(int64_t round, const std::string& node) {
  engine_.After(options_.retry, [weak = std::weak_ptr(self_), round, node] {
    auto self = weak.lock();
    if (!self || round != (*self)->round_) return;
    if (node.empty()) return (*self)->List(round);
    (*self)->Mend(round, node);
  });
}

}  // namespace kr::remediation
