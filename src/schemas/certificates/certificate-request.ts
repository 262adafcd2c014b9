/**
 * PKCS#10 certificate requests (RFC 2986): the subject of the certificate, and the proof that the
 * requester has the key. Pure. The signer checks and copies only the fields that are read here.
 */
import { createPublicKey, type KeyObject, verify } from 'node:crypto';
import { bitsOf, type DerValue, expectTag, membersOf, oidOf, readDer, TAGS } from './der.ts';
import { type PemBlock, pemBlocks } from './pem-blocks.ts';

export interface CertificateRequest {
  readonly commonName: string;
  readonly organizations: readonly string[];
  readonly dnsNames: readonly string[];
  readonly ipAddresses: readonly string[];
  readonly emailAddresses: readonly string[];
  readonly uris: readonly string[];
  /** SubjectPublicKeyInfo. */
  readonly publicKeyDer: Buffer;
  readonly keyType: string;
}

const BASE64 = /^[A-Za-z0-9+/=\s]*$/;
const COMMON_NAME = '2.5.4.3';
const ORGANIZATION = '2.5.4.10';
const EXTENSION_REQUEST = '1.2.840.113549.1.9.14';
const SUBJECT_ALT_NAME = '2.5.29.17';
/** Context tag 0, constructed: the attributes of a request. */
const ATTRIBUTES = 0xa0;

/** Digests of the signature algorithms; null where the key says it. */
const DIGESTS: Readonly<Record<string, string | null>> = {
  '1.2.840.113549.1.1.11': 'sha256',
  '1.2.840.113549.1.1.12': 'sha384',
  '1.2.840.113549.1.1.13': 'sha512',
  '1.2.840.10045.4.3.2': 'sha256',
  '1.2.840.10045.4.3.3': 'sha384',
  '1.2.840.10045.4.3.4': 'sha512',
  '1.3.101.112': null,
};

/** Throws where the text holds no request, or one that its own key has not signed. */
export function parseCertificateRequest(pem: string): CertificateRequest {
  const block = firstBlock(pem);
  if (block?.label !== 'CERTIFICATE REQUEST') throw new Error('PEM block type must be CERTIFICATE REQUEST');
  const [info, algorithm, signature] = membersOf(
    expectTag(readDer(Buffer.from(block.body, 'base64')), TAGS.sequence),
  );
  const [, subject, publicKey, ...more] = membersOf(expectTag(info, TAGS.sequence));
  const key = keyOf(expectTag(publicKey, TAGS.sequence));
  checkSignature(expectTag(info, TAGS.sequence).whole, expectTag(algorithm, TAGS.sequence), signature, key);
  const attributes = more.find(({ tag }) => tag === ATTRIBUTES);
  return {
    commonName: namesIn(subject, COMMON_NAME).at(-1) ?? '',
    organizations: namesIn(subject, ORGANIZATION),
    ...alternativeNames(attributes),
    publicKeyDer: expectTag(publicKey, TAGS.sequence).whole,
    keyType: key.asymmetricKeyType ?? '',
  };
}

function firstBlock(pem: string): PemBlock | undefined {
  for (const block of pemBlocks(pem)) if (BASE64.test(block.body)) return block;
  return undefined;
}

function keyOf({ whole }: DerValue): KeyObject {
  try {
    return createPublicKey({ key: whole, format: 'der', type: 'spki' });
  } catch (error) {
    throw new Error('x509: the public key cannot be read', { cause: error });
  }
}

function checkSignature(
  signed: Buffer,
  algorithm: DerValue,
  signature: DerValue | undefined,
  key: KeyObject,
): void {
  const digest = DIGESTS[oidOf(membersOf(algorithm)[0])];
  if (digest === undefined) throw new Error('x509: cannot verify signature: algorithm unimplemented');
  if (!verify(digest, signed, key, bitsOf(signature))) throw new Error('x509: the signature does not verify');
}

function namesIn(subject: DerValue | undefined, type: string): readonly string[] {
  return membersOf(expectTag(subject, TAGS.sequence)).flatMap((set) =>
    membersOf(expectTag(set, TAGS.set)).flatMap((attribute) => {
      const [oid, value] = membersOf(expectTag(attribute, TAGS.sequence));
      return oidOf(oid) === type && value ? [textOf(value)] : [];
    }),
  );
}

const BMP_STRING = 0x1e;
/** UTF8String, NumericString, PrintableString, T61String, IA5String. */
const TEXTS = [0x0c, 0x12, 0x13, 0x14, 0x16];

function textOf({ tag, content }: DerValue): string {
  if (tag === BMP_STRING && content.length % 2 === 0)
    return Buffer.from(content).swap16().toString('utf16le');
  if (!TEXTS.includes(tag)) throw new Error('asn1: structure error: a name is no text');
  return content.toString('utf8');
}

type AlternativeNames = Pick<CertificateRequest, 'dnsNames' | 'ipAddresses' | 'emailAddresses' | 'uris'>;

/** Context tags of GeneralName. */
const RFC822 = 0x81;
const DNS = 0x82;
const URI = 0x86;
const IP = 0x87;

function alternativeNames(attributes: DerValue | undefined): AlternativeNames {
  const names = extensionsOf(attributes).flatMap((extension) => {
    const members = membersOf(extension);
    if (oidOf(members[0]) !== SUBJECT_ALT_NAME) return [];
    return membersOf(readDer(expectTag(members.at(-1), TAGS.octetString).content));
  });
  const of = (wanted: number): readonly Buffer[] =>
    names.filter(({ tag }) => tag === wanted).map(({ content }) => content);
  const texts = (wanted: number): readonly string[] =>
    of(wanted).map((content) => content.toString('latin1'));
  return {
    dnsNames: texts(DNS),
    emailAddresses: texts(RFC822),
    uris: texts(URI),
    ipAddresses: of(IP).map(addressOf),
  };
}

function extensionsOf(attributes: DerValue | undefined): readonly DerValue[] {
  if (!attributes) return [];
  return membersOf(attributes).flatMap((attribute) => {
    const [oid, values] = membersOf(expectTag(attribute, TAGS.sequence));
    if (oidOf(oid) !== EXTENSION_REQUEST) return [];
    return membersOf(expectTag(values, TAGS.set)).flatMap((list) => membersOf(list));
  });
}

function addressOf(bytes: Buffer): string {
  if (bytes.length === 4) return [...bytes].join('.');
  if (bytes.length !== 16) throw new Error('x509: cannot parse IP address of length ' + String(bytes.length));
  return Array.from({ length: 8 }, (_, index) => bytes.readUInt16BE(2 * index).toString(16)).join(':');
}
