#include "reconcilers/remediation/webhooks.h"

#include <algorithm>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_replace.h"
#include "absl/time/clock.h"
#include "controller/base/digest.h"
#include "controller/kube/request.h"
#include "reconcilers/actions/webhook_call.h"

namespace kr::remediation {
namespace {

constexpr char kUrl[] = "url";
constexpr char kHmacKey[] = "hmac-key";
constexpr char kToken[] = "token";
constexpr char kCa[] = "ca.crt";
// A shorter text may stand anywhere by chance.
constexpr size_t kShortestSecret = 4;
constexpr size_t kShortestSecretPath = 16;

kube::HttpRequest GetSecret(const std::string& name_space, const std::string& name) {
  return kube::GetObject({{"", "v1", "Secret"}, "secrets", true}, {name_space, name});
}

// Editors and `kubectl create secret --from-file` leave a line feed at the end.
std::string Line(std::string text) {
  while (text.ends_with('\n') || text.ends_with('\r')) text.pop_back();
  return text;
}

std::optional<absl::Duration> RetryAfter(const kube::HttpResponse& response, absl::Time now) {
  const auto header = response.headers.find("retry-after");
  if (header == response.headers.end()) return std::nullopt;
  int64_t seconds = 0;
  if (absl::SimpleAtoi(header->second, &seconds))
    return absl::Seconds(std::max<int64_t>(seconds, 0));
  absl::Time date;
  if (!absl::ParseTime("%a, %d %b %Y %H:%M:%S GMT", header->second, &date, nullptr)) {
    return std::nullopt;
  }
  return std::max(date - now, absl::ZeroDuration());
}

}  // namespace

struct Webhooks::Config {
  kube::OutboundUrl url;
  std::string hmac_key, token, ca;
  std::vector<std::string> secrets;  // not to be seen anywhere

  // Whoever receives a call may send back what it was given.
  std::string Without(std::string text) const {
    for (const std::string& secret : secrets) {
      text = absl::StrReplaceAll(absl::string_view(text.data(), text.size()),
                                 {{absl::string_view(secret.data(), secret.size()), "[secret]"}});
    }
    return text;
  }
};

Webhooks::Webhooks(Options options, runtime::Engine& engine, runtime::ApiSender& api,
                   runtime::OutboundSender& outbound)
    : options_(std::move(options)), engine_(engine), api_(api), outbound_(outbound) {}

void Webhooks::Call(actions::Call call, Done done) {
  if (options_.name_space.empty()) {
    engine_.Post(1, [answer = Unready("the operator does not know its own namespace, where the "
                                      "Secrets of webhooks are (POD_NAMESPACE)"),
                     done = std::move(done)]() mutable { std::move(done)(std::move(answer)); });
    return;
  }
  kube::HttpRequest request = GetSecret(options_.name_space, actions::WebhookSecret(call.webhook));
  request.timeout = options_.read_timeout;
  api_.Send(std::move(request), [weak = std::weak_ptr(self_), call = std::move(call),
                                 done = std::move(done)](StatusOr<kube::Reply> reply) mutable {
    auto self = weak.lock();
    if (!self) return;
    Webhooks& webhooks = **self;
    StatusOr<Config> config = webhooks.Read(call.webhook, std::move(reply));
    if (!config.ok()) {
      return std::move(done)(webhooks.Unready(std::string(Message(config.status()))));
    }
    webhooks.Send(call, *std::move(config), std::move(done));
  });
}

StatusOr<Webhooks::Config> Webhooks::Read(const std::string& webhook,
                                          StatusOr<kube::Reply> secret) const {
  const std::string name = "Secret " + options_.name_space + "/" + actions::WebhookSecret(webhook);
  if (absl::IsNotFound(secret.status())) return NotFound(name + " does not exist");
  if (!secret.ok()) {
    return Unavailable(name + " could not be read: " + std::string(Message(secret.status())));
  }
  const auto object = nlohmann::json::parse(secret->body, nullptr, false);
  std::string undecoded;
  const auto get = [&](const char* key) -> std::string {
    const auto pointer = nlohmann::json::json_pointer("/data") / key;
    if (!object.is_object() || !object.contains(pointer) || !object[pointer].is_string()) return "";
    const auto& text = object[pointer].get_ref<const std::string&>();
    std::string bytes;
    if (!absl::Base64Unescape(absl::string_view(text.data(), text.size()), &bytes)) undecoded = key;
    return bytes;
  };
  Config config{.hmac_key = get(kHmacKey), .token = Line(get(kToken)), .ca = get(kCa)};
  const std::string url = Line(get(kUrl));
  if (!undecoded.empty()) return InvalidArgument(name + ": key " + undecoded + " is not base64");
  if (url.empty()) return InvalidArgument(name + " has no key url");
  auto parsed = kube::ParseOutboundUrl(url);
  if (!parsed.ok()) return Annotate(parsed.status(), name + ": key url");
  config.url = *std::move(parsed);
  if (!config.url.server.tls && !options_.allow_http) {
    return InvalidArgument(name + ": key url: expected https://; http:// is allowed only where " +
                           "webhooks.allowHttp says so");
  }
  for (const std::string& text : {url, config.hmac_key, Line(config.hmac_key), config.token}) {
    if (text.size() >= kShortestSecret) config.secrets.push_back(text);
  }
  if (config.url.target.size() >= kShortestSecretPath) config.secrets.push_back(config.url.target);
  return config;
}

void Webhooks::Send(const actions::Call& call, Config config, Done done) {
  kube::OutboundRequest request{.url = config.url,
                                .content_type = "application/json",
                                .body = call.body,
                                .extra_ca = config.ca,
                                .timeout = call.timeout};
  const std::string timestamp = std::to_string(absl::ToUnixSeconds(engine_.clock().Now()));
  request.headers = {{"Idempotency-Key", call.idempotency_key},
                     {"Kube-Remedy-Timestamp", timestamp}};
  if (!config.hmac_key.empty()) {
    request.headers.emplace_back(
        "Kube-Remedy-Signature",
        "v1=" + HmacSha256Hex(config.hmac_key, timestamp + "." + call.body));
  }
  if (!config.token.empty()) {
    request.headers.emplace_back("Authorization", "Bearer " + config.token);
  }
  outbound_.Send(
      std::move(request), [weak = std::weak_ptr(self_), config = std::move(config),
                           done = std::move(done)](StatusOr<kube::OutboundAnswer> reply) mutable {
        auto self = weak.lock();
        if (!self) return;
        Webhooks& webhooks = **self;
        const absl::Time now = webhooks.engine_.clock().Now();
        if (reply.ok()) {
          return std::move(done)(
              actions::Answer{.kind = actions::Answer::Kind::kAnswered,
                              .code = reply->response.code,
                              .body = config.Without(std::move(reply->response.body)),
                              .truncated = reply->truncated,
                              .retry_after = RetryAfter(reply->response, now),
                              .at = now});
        }
        const Status& status = reply.status();
        if (runtime::IsNotSent(status)) return std::move(done)(status);
        std::string why = config.Without(std::string(Message(status)));
        if (absl::IsPermissionDenied(status)) {
          return std::move(done)(webhooks.Unready(
              why + ", which is called only where webhooks.allowNetworks says so"));
        }
        if (absl::IsInvalidArgument(status)) return std::move(done)(webhooks.Unready(why));
        std::move(done)(actions::Answer{
            .kind = actions::Answer::Kind::kUnreachable, .error = std::move(why), .at = now});
      });
}

actions::Answer Webhooks::Unready(std::string why) const {
  return {.kind = actions::Answer::Kind::kUnready,
          .error = std::move(why),
          .at = engine_.clock().Now()};
}

}  // namespace kr::remediation
