"""Tell somebody what has become of a batch: Telegram, a webhook, or any service that apprise knows."""
