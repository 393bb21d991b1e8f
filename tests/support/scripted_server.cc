#include "tests/support/scripted_server.h"

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <stdexcept>

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "absl/strings/ascii.h"

namespace kr::testing {
namespace {

constexpr absl::Duration kPatience = absl::Seconds(10);

// An SSL_CTX of a server; OpenSSL's own wording is enough for a test that set it up wrongly.
std::shared_ptr<void> MakeTls(const ScriptedServer::Options& options) {
  if (!options.certificate) return nullptr;
  const std::shared_ptr<SSL_CTX> context(SSL_CTX_new(TLS_server_method()), &SSL_CTX_free);
  const auto bio = [](const std::string& pem) {
    return std::shared_ptr<BIO>(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())),
                                &BIO_free_all);
  };
  const std::shared_ptr<X509> certificate(
      PEM_read_bio_X509(bio(options.certificate->certificate).get(), nullptr, nullptr, nullptr),
      &X509_free);
  const std::shared_ptr<EVP_PKEY> key(
      PEM_read_bio_PrivateKey(bio(options.certificate->key).get(), nullptr, nullptr, nullptr),
      &EVP_PKEY_free);
  SSL_CTX_use_certificate(context.get(), certificate.get());
  SSL_CTX_use_PrivateKey(context.get(), key.get());
  if (!options.client_authority.empty()) {
    const std::shared_ptr<X509> authority(
        PEM_read_bio_X509(bio(options.client_authority).get(), nullptr, nullptr, nullptr),
        &X509_free);
    X509_STORE_add_cert(SSL_CTX_get_cert_store(context.get()), authority.get());
    SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
    // Sessions of verified clients need a name, or resuming them fails.
    SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
  }
  return context;
}

const char* ReasonPhrase(int code) {
  return code < 300 ? "OK" : "Refused";
}

std::string Head(int code, const Answer::Headers& headers) {
  std::string head = "HTTP/1.1 " + std::to_string(code) + " " + ReasonPhrase(code) + "\r\n";
  for (const auto& [name, value] : headers) head += name + ": " + value + "\r\n";
  return head + "\r\n";
}

}  // namespace

void Gate::Open() const {
  MutexLock lock(state_->mu);
  state_->open = true;
  state_->changed.NotifyAll();
}

bool Gate::AwaitReached() const {
  MutexLock lock(state_->mu);
  return state_->changed.Wait(state_->mu, {}, kPatience, [&] { return state_->reached; });
}

bool Gate::AwaitOpen() const {
  MutexLock lock(state_->mu);
  return state_->changed.Wait(state_->mu, {}, kPatience, [&] { return state_->open; });
}

void Gate::Pass(const std::function<bool()>& given_up) const {
  MutexLock lock(state_->mu);
  state_->reached = true;
  state_->changed.NotifyAll();
  // Short waits: the server's end does not know at which gates it is waited.
  while (!state_->open && !given_up()) {
    state_->changed.Wait(state_->mu, {}, absl::Milliseconds(20), [&] { return state_->open; });
  }
}

Answer Answer::Full(int code, std::string_view body, const Headers& headers) {
  Headers all = headers;
  all["Content-Length"] = std::to_string(body.size());
  return Answer().Raw(Head(code, all)).Raw(body);
}

Answer Answer::Chunked(int code) {
  return Answer().Raw(
      Head(code, {{"Content-Type", "application/json"}, {"Transfer-Encoding", "chunked"}}));
}

Answer Answer::Chunk(std::string_view data) && {
  char size[32];
  std::snprintf(size, sizeof(size), "%zx\r\n", data.size());
  return std::move(*this).Raw(std::string(size).append(data).append("\r\n"));
}

Answer Answer::End() && {
  return std::move(*this).Raw("0\r\n\r\n");
}

Answer Answer::Raw(std::string_view bytes) && {
  steps_.emplace_back(std::string(bytes));
  return std::move(*this);
}

Answer Answer::Hold(const Gate& gate) && {
  steps_.emplace_back(gate);
  return std::move(*this);
}

Answer Answer::Close() && {
  steps_.emplace_back(Disconnect{.reset = false});
  return std::move(*this);
}

Answer Answer::Reset() && {
  steps_.emplace_back(Disconnect{.reset = true});
  return std::move(*this);
}

Answer Answer::Early() && {
  early_ = true;
  return std::move(*this);
}

// A connection, blocking, with or without TLS.
class ScriptedServer::Channel {
 public:
  Channel(int fd, SSL_CTX* tls) : fd_(fd) {
    if (tls == nullptr) return;
    ssl_.reset(SSL_new(tls), &SSL_free);
    SSL_set_fd(ssl_.get(), fd);
  }

  bool Handshake() { return ssl_ == nullptr || SSL_accept(ssl_.get()) == 1; }

  // Until `text` holds at least `size` bytes.
  bool ReadTo(std::string& text, std::size_t size) {
    char buffer[16 * 1024];
    while (text.size() < size) {
      const long n = ssl_ ? SSL_read(ssl_.get(), buffer, sizeof(buffer))
                          : ::recv(fd_, buffer, sizeof(buffer), 0);
      if (n <= 0) return false;
      text.append(buffer, static_cast<std::size_t>(n));
    }
    return true;
  }

  // At most 16 KiB at a time, so that a peer that does not read is noticed in what was sent.
  bool Write(std::string_view bytes, std::atomic<std::uint64_t>& sent) {
    while (!bytes.empty()) {
      const std::size_t part = std::min<std::size_t>(bytes.size(), 16 * 1024);
      const long n = ssl_ ? SSL_write(ssl_.get(), bytes.data(), static_cast<int>(part))
                          : ::send(fd_, bytes.data(), part, MSG_NOSIGNAL);
      if (n <= 0) return false;
      sent += static_cast<std::uint64_t>(n);
      bytes.remove_prefix(static_cast<std::size_t>(n));
    }
    return true;
  }

  void Disconnect(bool reset) {
    if (reset) {
      const linger immediately = {.l_onoff = 1, .l_linger = 0};
      ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &immediately, sizeof(immediately));
    } else if (ssl_) {
      SSL_shutdown(ssl_.get());
    }
  }

  std::string ClientName() const {
    if (!ssl_) return "";
    const std::shared_ptr<X509> certificate(SSL_get1_peer_certificate(ssl_.get()), &X509_free);
    char name[256] = "";
    if (certificate != nullptr) {
      X509_NAME_get_text_by_NID(X509_get_subject_name(certificate.get()), NID_commonName, name,
                                sizeof(name));
    }
    return name;
  }

  std::string pending;  // read, not yet used

 private:
  const int fd_;
  std::shared_ptr<SSL> ssl_;
};

ScriptedServer::ScriptedServer(Options options)
    : options_(std::move(options)), tls_(MakeTls(options_)) {
  std::signal(SIGPIPE, SIG_IGN);  // OpenSSL writes without MSG_NOSIGNAL
  listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof(address);
  auto* const raw = reinterpret_cast<sockaddr*>(&address);
  if (::bind(listener_, raw, length) != 0 || ::listen(listener_, 128) != 0 ||
      ::getsockname(listener_, raw, &length) != 0) {
    throw std::runtime_error("scripted server cannot listen");
  }
  port_ = ntohs(address.sin_port);
  accepting_ = std::thread([this] { Accept(); });
}

ScriptedServer::~ScriptedServer() {
  stopping_ = true;
  ::shutdown(listener_, SHUT_RDWR);  // ends accept()
  accepting_.join();
  ::close(listener_);
  std::vector<std::thread> serving;
  {
    MutexLock lock(mu_);
    for (const auto& [id, peer] : peers_) ::shutdown(peer.fd, SHUT_RDWR);
    serving.swap(serving_);
  }
  for (std::thread& thread : serving) thread.join();
}

void ScriptedServer::Expect(const std::string& method, const std::string& target, Answer answer) {
  MutexLock lock(mu_);
  script_.push_back({method, target, std::move(answer)});
}

std::vector<ScriptedServer::Request> ScriptedServer::requests() const {
  MutexLock lock(mu_);
  return requests_;
}

int ScriptedServer::connections() const {
  MutexLock lock(mu_);
  return connections_;
}

std::string ScriptedServer::Deviations() const {
  MutexLock lock(mu_);
  std::string text = unexpected_;
  for (const Entry& entry : script_) {
    text += "never asked for: " + entry.method + " " + entry.target + "\n";
  }
  return text;
}

void ScriptedServer::CloseIdleConnections() {
  MutexLock lock(mu_);
  // A connection is idle a moment after its last answer has arrived.
  changed_.Wait(mu_, {}, kPatience, [&] {
    return std::all_of(peers_.begin(), peers_.end(), [](const auto& p) { return p.second.idle; });
  });
  for (const auto& [id, peer] : peers_) ::shutdown(peer.fd, SHUT_RDWR);
  changed_.Wait(mu_, {}, kPatience, [&] { return peers_.empty(); });
}

void ScriptedServer::Accept() {
  for (;;) {
    const int fd = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (fd < 0) return;
    const int on = 1;  // a script's steps must not wait for each other's acknowledgement
    ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    MutexLock lock(mu_);
    const int id = ++connections_;
    peers_[id] = {.fd = fd};
    serving_.emplace_back([this, id, fd] { Serve(id, fd); });
  }
}

void ScriptedServer::Serve(int id, int fd) {
  {
    Channel channel(fd, static_cast<SSL_CTX*>(tls_.get()));
    if (channel.Handshake()) {
      while (ServeRequest(id, channel)) {
      }
    }
  }
  MutexLock lock(mu_);
  ::close(fd);  // under the lock: nobody must shut down a number that is used again
  peers_.erase(id);
  changed_.NotifyAll();
}

bool ScriptedServer::ServeRequest(int id, Channel& channel) {
  std::string& text = channel.pending;
  SetIdle(id, true);
  std::size_t end = std::string::npos;
  while ((end = text.find("\r\n\r\n")) == std::string::npos) {
    if (!channel.ReadTo(text, text.size() + 1)) return false;
    SetIdle(id, false);
  }
  Request request{.connection = id, .client = channel.ClientName()};
  std::size_t line_end = text.find("\r\n");
  const std::string first = text.substr(0, line_end);
  const std::size_t space = first.find(' ');
  request.method = first.substr(0, space);
  request.target = first.substr(space + 1, first.rfind(' ') - space - 1);
  while (line_end < end) {
    const std::size_t begin = line_end + 2;
    line_end = text.find("\r\n", begin);
    const std::string line = text.substr(begin, line_end - begin);
    const std::size_t colon = std::min(line.find(':'), line.size() - 1);
    std::string value = line.substr(colon + 1);
    absl::StripAsciiWhitespace(&value);
    request.headers[absl::AsciiStrToLower(line.substr(0, colon))] = std::move(value);
  }
  text.erase(0, end + 4);
  const std::size_t length = std::strtoul(request.headers["content-length"].c_str(), nullptr, 10);
  const auto read_body = [&] {
    if (!channel.ReadTo(text, length)) return false;
    request.body = text.substr(0, length);
    text.erase(0, length);
    return true;
  };
  const bool early = IsEarly(request);
  if (!early && !read_body()) return false;
  return Play(channel, Match(request)) && !early;
}

std::vector<ScriptedServer::Entry>::iterator ScriptedServer::Find(const Request& request) {
  return std::find_if(script_.begin(), script_.end(), [&](const Entry& e) {
    return e.method == request.method && e.target == request.target;
  });
}

bool ScriptedServer::IsEarly(const Request& request) {
  MutexLock lock(mu_);
  const auto entry = Find(request);
  return entry != script_.end() && entry->answer.early_;
}

Answer ScriptedServer::Match(const Request& request) {
  MutexLock lock(mu_);
  requests_.push_back(request);
  const auto entry = Find(request);
  if (entry == script_.end()) {
    unexpected_ += "not expected: " + request.method + " " + request.target + "\n";
    return Answer::Full(500, "not expected");
  }
  Answer answer = std::move(entry->answer);
  script_.erase(entry);
  return answer;
}

bool ScriptedServer::Play(Channel& channel, const Answer& answer) {
  for (const auto& step : answer.steps_) {
    if (const auto* bytes = std::get_if<std::string>(&step)) {
      if (!channel.Write(*bytes, bytes_sent_)) return false;
    } else if (const auto* gate = std::get_if<Gate>(&step)) {
      gate->Pass([this] { return stopping(); });
    } else {
      channel.Disconnect(std::get<Answer::Disconnect>(step).reset);
      return false;
    }
  }
  return !stopping();
}

void ScriptedServer::SetIdle(int id, bool idle) {
  MutexLock lock(mu_);
  peers_[id].idle = idle;
  changed_.NotifyAll();
}

}  // namespace kr::testing
