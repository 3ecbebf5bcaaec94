import de.bwaldvogel.mongo.MongoServer;
import de.bwaldvogel.mongo.MongoVersion;
import de.bwaldvogel.mongo.backend.memory.MemoryBackend;
import de.bwaldvogel.mongo.bson.Document;
import io.netty.channel.Channel;
import io.netty.handler.ssl.ClientAuth;
import io.netty.handler.ssl.SslContextBuilder;
import io.netty.handler.ssl.SslHandler;
import java.io.File;
import java.lang.reflect.Field;
import java.net.InetSocketAddress;
import java.security.cert.X509Certificate;
import java.util.List;

/** An in-memory MongoDB that requires client certificates and knows X.509 login. Arguments: port, certificate, PKCS#8 key, authorities of clients. */
public class LabMongo {
  static String subject(Channel channel) {
    try {
      var session = channel.pipeline().get(SslHandler.class).engine().getSession();
      return ((X509Certificate) session.getPeerCertificates()[0]).getSubjectX500Principal().getName();
    } catch (Exception e) {
      return null;
    }
  }

  public static void main(String[] args) throws Exception {
    MemoryBackend backend = new MemoryBackend() {
      @Override
      public Document handleCommand(Channel channel, String database, String command, Document query) {
        if (command.equalsIgnoreCase("authenticate")) {
          String subject = subject(channel), user = (String) query.get("user");
          // Accounts of $external are the certificates of these two.
          boolean known = "CN=alice".equals(subject) || "CN=reader".equals(subject);
          return known && (user == null || user.equals(subject))
              ? new Document("dbname", "$external").append("user", subject).append("ok", 1.0)
              : new Document("ok", 0.0).append("code", 18).append("codeName", "AuthenticationFailed").append("errmsg", "Authentication failed.");
        }
        boolean hello = command.equalsIgnoreCase("hello");
        Document answer = super.handleCommand(channel, database, hello ? "isMaster" : command, query);
        if (hello || command.equalsIgnoreCase("isMaster")) {
          answer.put("helloOk", true);
          answer.put("isWritablePrimary", true);
        }
        return answer;
      }
    };
    // It claims more than it implements: drivers want at least this.
    backend.version(new MongoVersion() {
      public List<Integer> getVersionArray() { return List.of(5, 0, 0); }
      public int getWireVersion() { return 13; }
    });
    MongoServer server = new MongoServer(backend);
    Field context = MongoServer.class.getDeclaredField("sslContext");
    context.setAccessible(true);
    context.set(server, SslContextBuilder.forServer(new File(args[1]), new File(args[2])).trustManager(new File(args[3])).clientAuth(ClientAuth.REQUIRE).build());
    server.bind(new InetSocketAddress("127.0.0.1", Integer.parseInt(args[0])));
    System.out.println("ready");
    // Ends with whoever started it.
    while (System.in.read() != -1) { }
    server.shutdownNow();
    System.exit(0);
  }
}
