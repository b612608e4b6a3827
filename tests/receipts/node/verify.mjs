// Verifies receipts with @sigstore/verify: cases as JSON on stdin, for each "" or why not as JSON on stdout.
import { createHash, createPublicKey } from "node:crypto";
import { bundleFromJSON } from "@sigstore/bundle";
import { TrustedRoot } from "@sigstore/protobuf-specs";
import { toSignedEntity, toTrustMaterial, Verifier } from "@sigstore/verify";

const NOTHING = TrustedRoot.fromJSON({});
const OURS = { tlogThreshold: 0, ctlogThreshold: 0, timestampThreshold: 0 }; // our log and its proof are not Rekor's

function why(each) {
  try {
    const keys = Object.entries(each.keys).map(([hint, pem]) => {
      const rawBytes = createPublicKey(pem).export({ type: "spki", format: "der" });
      return [hint, { rawBytes, keyDetails: 5 }];
    });
    const bundle = bundleFromJSON(JSON.parse(each.bundle));
    new Verifier(toTrustMaterial(NOTHING, Object.fromEntries(keys)), OURS).verify(toSignedEntity(bundle));
    const statement = JSON.parse(Buffer.from(bundle.content.dsseEnvelope.payload).toString("utf8"));
    const digest = createHash("sha256").update(Buffer.from(each.record, "base64")).digest("hex");
    const record = statement.subject.find((subject) => subject.name === "run.json");
    return record.digest.sha256 === digest ? "" : "the record is another one";
  } catch (problem) {
    return String(problem) || "an error without words";
  }
}

let text = "";
for await (const piece of process.stdin) text += piece;
process.stdout.write(JSON.stringify(JSON.parse(text).map(why)));
