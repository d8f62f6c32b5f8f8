import { Type } from 'typebox';
import { LIMITS } from '../../model/limits.ts';
import { Shape } from './shape.ts';

const { directoryNameCharacters, redirectUriCharacters } = LIMITS;

const name = Type.String({
  minLength: 1,
  maxLength: directoryNameCharacters,
  pattern: '^[^\\u0000-\\u001f\\u007f]+$',
  expected: `1 to ${directoryNameCharacters} characters`,
});
const flag = Type.Boolean({ expected: 'true or false' });
const date = Type.String({ maxLength: 40, expected: 'a date as RFC 3339 writes it' });
const guid = Type.String({
  pattern: '^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$',
  expected: 'a GUID',
});
const guids = Type.Array(guid, { minItems: 1, maxItems: 1_000, expected: 'a list of 1 to 1000 GUIDs' });
const exactText = Type.String({ minLength: 1, maxLength: 600, expected: 'a text of 1 to 600 characters' });
const redirectUris = Type.Array(Type.String({ minLength: 1, maxLength: redirectUriCharacters, expected: 'an URI' }), {
  maxItems: 64,
  expected: 'a list of at most 64 URIs',
});
const passwordProfile = Type.Object(
  {
    password: Type.String({
      minLength: LIMITS.passwordCharactersLeast,
      maxLength: LIMITS.passwordCharacters,
      expected: `a password of ${LIMITS.passwordCharactersLeast} to ${LIMITS.passwordCharacters} characters`,
    }),
  },
  { expected: 'an object with password' },
);

/** Bodies of requests to the directory, each with the members of Graph's that count here. */
export const GRAPH_BODIES = {
  tenant: new Shape(Type.Object({ displayName: name })),
  application: new Shape(
    Type.Object({
      displayName: name,
      signInAudience: Type.Optional(
        Type.Union([Type.Literal('AzureADMyOrg'), Type.Literal('AzureADMultipleOrgs')], {
          expected: 'AzureADMyOrg or AzureADMultipleOrgs',
        }),
      ),
      isFallbackPublicClient: Type.Optional(flag),
      publicClient: Type.Optional(
        Type.Object({ redirectUris: Type.Optional(redirectUris) }, { expected: 'an object with redirectUris' }),
      ),
    }),
  ),
  addPassword: new Shape(
    Type.Object({
      passwordCredential: Type.Optional(
        Type.Object(
          { displayName: Type.Optional(name), startDateTime: Type.Optional(date), endDateTime: Type.Optional(date) },
          { expected: 'an object' },
        ),
      ),
    }),
  ),
  keyId: new Shape(Type.Object({ keyId: guid })),
  addCertificate: new Shape(
    Type.Object({
      keyCredential: Type.Object(
        {
          key: Type.String({ minLength: 1, maxLength: 16_384, expected: 'a certificate (DER in base64)' }),
          displayName: Type.Optional(name),
        },
        { expected: 'an object with key' },
      ),
    }),
  ),
  federatedCredential: new Shape(
    Type.Object({
      name,
      issuer: Type.String({ pattern: '^https://', maxLength: 600, expected: 'an https URL' }),
      subject: exactText,
      audiences: Type.Optional(Type.Array(exactText, { minItems: 1, maxItems: 1, expected: 'a list of one text' })),
      description: Type.Optional(name),
    }),
  ),
  servicePrincipal: new Shape(Type.Object({ appId: guid })),
  principalChange: new Shape(
    Type.Object({ accountEnabled: Type.Optional(flag), isDirectoryAdministrator: Type.Optional(flag) }),
  ),
  user: new Shape(
    Type.Object({
      userPrincipalName: Type.String({
        pattern: "^[A-Za-z0-9.!#^~_'+-]{1,64}@[A-Za-z0-9.-]{1,190}$",
        expected: 'name@domain',
      }),
      displayName: name,
      accountEnabled: Type.Optional(flag),
      passwordProfile: Type.Optional(passwordProfile),
    }),
  ),
  userChange: new Shape(
    Type.Object({
      displayName: Type.Optional(name),
      accountEnabled: Type.Optional(flag),
      isDirectoryAdministrator: Type.Optional(flag),
      passwordProfile: Type.Optional(passwordProfile),
    }),
  ),
  group: new Shape(Type.Object({ displayName: name })),
  reference: new Shape(
    Type.Object({
      '@odata.id': Type.String({
        pattern: '/[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$',
        maxLength: 2_048,
        expected: 'an URL that ends with a GUID',
      }),
    }),
  ),
  ids: new Shape(Type.Object({ ids: guids })),
} as const;
