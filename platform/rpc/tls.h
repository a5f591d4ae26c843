#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "grpcpp/security/credentials.h"
#include "grpcpp/security/server_credentials.h"

namespace milepost::rpc {

// Files of one identity: certificate chain, private key, and the CA of those who may prove theirs
// to us. Renewed files are picked up within 10 s without a restart; write both, then rename.
struct TlsFiles {
  std::string cert_file;
  std::string key_file;
  std::string ca_file;
};

// Both fail with FAILED_PRECONDITION and the file's name if a file cannot be read or key and
// certificate do not belong together. Servers ask for a client certificate and check one that is
// presented.
absl::StatusOr<std::shared_ptr<grpc::ServerCredentials>> ServerCredentials(const TlsFiles& files);
absl::StatusOr<std::shared_ptr<grpc::ChannelCredentials>> PeerCredentials(const TlsFiles& files);

// When the certificate in the file ends.
absl::StatusOr<absl::Time> CertificateNotAfter(const std::string& cert_file);

}  // namespace milepost::rpc
