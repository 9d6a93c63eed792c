"""The filters beside a Postfix: amavis, SpamAssassin, ClamAV, OpenDKIM; their files read and changed."""
